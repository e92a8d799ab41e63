<?php
/**
 * Plugin Name:       AutoWebinar
 * Description:       The player as a block and a shortcode, the service's events as WordPress actions, user meta that is never stale, and privacy tools.
 * Version:           1.0.0
 * Requires at least: 5.7
 * Requires PHP:      7.4
 * License:           MIT
 * Text Domain:       autowebinar
 *
 * One file, for wp-content/mu-plugins, or for wp-content/plugins and activated
 * there; not both. It creates no table and writes nothing but user meta whose
 * key begins with autowebinar_. README.md beside it says how to use it.
 *
 * @package AutoWebinar
 */

namespace AutoWebinar;

use Throwable;
use WP_Error;
use WP_REST_Request;
use WP_REST_Response;

defined( 'ABSPATH' ) || exit;

const PREFIX = 'autowebinar_';

/**
 * The REST namespace of the service: a proxy takes it before WordPress sees it.
 */
const SERVICE = 'autowebinar/v1';

/**
 * The REST namespace of the bridge, which no rule for the service's may match.
 */
const BRIDGE = 'autowebinar-bridge/v1';

/**
 * How far a webhook's time may be from this machine's, in seconds.
 */
const TOLERANCE = 300;

const EVENTS = array(
	'client_webinar_registered',
	'client_webinar_entered',
	'client_webinar_left',
	'client_webinar_completed',
	'client_webinar_form_submitted',
	'client_webinar_attendance_classified',
);

/**
 * Under these keys the service keeps events until they are accepted.
 */
const OUTBOX = array( PREFIX . 'outbox', PREFIX . 'outbox_wait', PREFIX . 'outbox_dead' );

// User meta of the service's keys is read from the database each time.
add_filter( 'get_user_metadata', __NAMESPACE__ . '\fresh_meta', 10, 4 );

// The player.
add_action( 'init', __NAMESPACE__ . '\register_player' );

// The events, as actions.
add_action( 'rest_api_init', __NAMESPACE__ . '\register_bridge' );

// People's data.
add_filter( 'wp_privacy_personal_data_exporters', __NAMESPACE__ . '\register_exporter' );
add_filter( 'wp_privacy_personal_data_erasers', __NAMESPACE__ . '\register_eraser' );
add_action( 'deleted_user', __NAMESPACE__ . '\sweep_deleted_user' );
add_action( 'show_user_profile', __NAMESPACE__ . '\show_profile' );
add_action( 'edit_user_profile', __NAMESPACE__ . '\show_profile' );

/*
 * ---- User meta ----
 */

/**
 * From here on this request reads the primary database: a replica lags behind
 * it, and has locks of its own.
 */
function read_primary(): void {
	global $wpdb;
	// LudicrousDB since 5.2; before that, and HyperDB.
	foreach ( array( 'send_reads_to_primaries', 'send_reads_to_masters' ) as $method ) {
		if ( method_exists( $wpdb, $method ) ) {
			$wpdb->$method();
			return;
		}
	}
}

/**
 * A user's rows of the namespace, as they are in the database now.
 *
 * @param int $user_id User.
 * @return object[]|null Rows with meta_key and meta_value, in the order in which they were made; null: they could not be read.
 */
function rows( int $user_id ): ?array {
	global $wpdb;
	// The point is to pass every cache by.
	// phpcs:ignore WordPress.DB.DirectDatabaseQuery.DirectQuery, WordPress.DB.DirectDatabaseQuery.NoCaching
	$rows = $wpdb->get_results(
		$wpdb->prepare(
			"SELECT meta_key, meta_value FROM {$wpdb->usermeta} WHERE user_id = %d AND meta_key LIKE %s ORDER BY umeta_id",
			$user_id,
			$wpdb->esc_like( PREFIX ) . '%'
		)
	);
	if ( $wpdb->last_error ) {
		return null;
	}
	return array_values( array_filter( (array) $rows, fn( $row ) => is_ours( $row->meta_key ) ) );
}

/**
 * Whether a meta key is of the service's namespace.
 *
 * @param string $key Meta key.
 */
function is_ours( string $key ): bool {
	return 0 === strncmp( $key, PREFIX, strlen( PREFIX ) );
}

/**
 * Answers get_user_meta() for the service's keys. The service writes to the
 * database directly, so a persistent object cache does not notice;
 * update_user_meta() compares through this filter too.
 *
 * @param mixed  $value   What another filter decided; null: nothing.
 * @param int    $user_id User.
 * @param string $key     Meta key; empty: all of them.
 * @param bool   $single  Whether one value is wanted.
 * @return mixed A list of values, of which WordPress takes the first where one is wanted; null: not ours.
 */
function fresh_meta( $value, $user_id, $key, $single ) {
	$key = (string) $key;
	if ( null !== $value || ( '' !== $key && ! is_ours( $key ) ) ) {
		return $value;
	}
	$rows = rows( (int) $user_id ) ?? array();
	if ( '' === $key ) {
		$all = with_fresh_rows( (int) $user_id, $rows );
		return $single ? array( $all ) : $all;
	}
	$values = array();
	foreach ( $rows as $row ) {
		if ( $row->meta_key === $key ) {
			$values[] = maybe_unserialize( (string) $row->meta_value );
		}
	}
	return $single && ! $values ? '' : $values;
}

/**
 * All meta of a user as WordPress has it, with the namespace's rows put right.
 *
 * @param int      $user_id User.
 * @param object[] $rows    The namespace's rows.
 */
function with_fresh_rows( int $user_id, array $rows ): array {
	$meta = wp_cache_get( $user_id, 'user_meta' );
	if ( ! is_array( $meta ) ) {
		$loaded = update_meta_cache( 'user', array( $user_id ) );
		$meta   = isset( $loaded[ $user_id ] ) ? (array) $loaded[ $user_id ] : array();
	}
	$meta = array_filter( $meta, fn( $key ) => ! is_ours( (string) $key ), ARRAY_FILTER_USE_KEY );
	foreach ( $rows as $row ) {
		$meta[ $row->meta_key ][] = (string) $row->meta_value;
	}
	return $meta;
}

/**
 * A user's rows, sorted by what they are about.
 *
 * @param int $user_id User.
 * @return array|null sessions: webinar id => key without prefix => value; registered: webinar id => time; waiting: list of type, webinar, time, session, detail, slot, dead. Null: they could not be read.
 */
function overview( int $user_id ): ?array {
	$rows    = rows( $user_id );
	$current = '';
	if ( null === $rows ) {
		return null;
	}
	foreach ( $rows as $row ) {
		if ( PREFIX . 'webinar_id' === $row->meta_key && '' === $current ) {
			$current = (string) $row->meta_value;
		}
	}
	$found = array(
		'sessions'   => array(),
		'registered' => array(),
		'waiting'    => array(),
	);
	foreach ( $rows as $row ) {
		list( $field, $webinar ) = explode( '@', substr( $row->meta_key, strlen( PREFIX ) ), 2 ) + array( '', $current );
		$value                   = (string) $row->meta_value;
		if ( 0 === strpos( $field, 'bridge_' ) ) {
			continue;
		}
		if ( 0 === strpos( $field, 'outbox' ) ) {
			$parts              = array_map( 'rawurldecode', explode( '|', $value ) ) + array( '', '', '', '0', '', '', '', '', '' );
			$found['waiting'][] = array(
				'type'    => $parts[1],
				'webinar' => $parts[4],
				'time'    => gmdate( 'Y-m-d H:i:s', (int) $parts[3] ),
				'session' => $parts[6],
				'detail'  => $parts[7],
				'slot'    => $parts[8],
				'dead'    => 'outbox_dead' === $field,
			);
		} elseif ( 'registered' === $field ) {
			$found['registered'][ $webinar ] = $value;
		} else {
			$found['sessions'][ $webinar ] = ( $found['sessions'][ $webinar ] ?? array() ) + array( $field => $value );
		}
	}
	return $found;
}

/*
 * ---- The player ----
 */

/**
 * Registers the shortcode and the block.
 */
function register_player(): void {
	add_shortcode( 'autowebinar', __NAMESPACE__ . '\player' );
	if ( ! function_exists( 'register_block_type' ) ) {
		return;
	}
	wp_register_script( 'autowebinar-block', false, array( 'wp-blocks', 'wp-block-editor', 'wp-components', 'wp-element' ), '1.0.0', true );
	wp_add_inline_script( 'autowebinar-block', block_script() );
	register_block_type(
		'autowebinar/player',
		array(
			'api_version'     => version_compare( get_bloginfo( 'version' ), '6.3', '>=' ) ? 3 : 2,
			'title'           => __( 'AutoWebinar', 'autowebinar' ),
			'description'     => __( 'A recorded webinar that feels live.', 'autowebinar' ),
			'category'        => 'media',
			'icon'            => 'video-alt3',
			'attributes'      => array_fill_keys(
				array_keys( attributes() ),
				array(
					'type'    => 'string',
					'default' => '',
				)
			),
			'editor_script'   => 'autowebinar-block',
			'render_callback' => __NAMESPACE__ . '\player',
		)
	);
}

/**
 * The attributes of block and shortcode, and what the editor calls them.
 */
function attributes(): array {
	return array(
		'id'      => __( 'Webinar id', 'autowebinar' ),
		'src'     => __( 'Address of the video', 'autowebinar' ),
		'poster'  => __( 'Address of a picture to show before', 'autowebinar' ),
		'cta'     => __( 'Text of the call to action', 'autowebinar' ),
		'cta_url' => __( 'Where the call to action leads', 'autowebinar' ),
	);
}

/**
 * The script of the block in the editor: a form of the attributes.
 */
function block_script(): string {
	$words = wp_json_encode(
		array(
			'title'  => __( 'AutoWebinar', 'autowebinar' ),
			'hint'   => __( 'Viewers who are logged in see the webinar here and go on where they were.', 'autowebinar' ),
			'fields' => attributes(),
		),
		JSON_HEX_TAG | JSON_HEX_AMP
	);
	return <<<SCRIPT
( function ( blocks, editor, components, el, words ) {
	blocks.registerBlockType( 'autowebinar/player', {
		edit: function ( props ) {
			var fields = Object.keys( words.fields ).map( function ( name ) {
				return el( components.TextControl, {
					key: name,
					label: words.fields[ name ],
					value: props.attributes[ name ],
					onChange: function ( value ) {
						var change = {};
						change[ name ] = value;
						props.setAttributes( change );
					},
				} );
			} );
			return el( 'div', editor.useBlockProps(), el( components.Placeholder, {
				icon: 'video-alt3', label: words.title, instructions: words.hint, isColumnLayout: true,
			}, fields ) );
		},
		save: function () { return null; },
	} );
} )( wp.blocks, wp.blockEditor, wp.components, wp.element.createElement, {$words} );
SCRIPT;
}

/**
 * Prints the player: [autowebinar id="intro" src="…" poster="…" cta="…" cta_url="…"].
 *
 * @param array|string $given Attributes.
 */
function player( $given ): string {
	$given = shortcode_atts( array_fill_keys( array_keys( attributes() ), '' ), (array) $given, 'autowebinar' );
	if ( ! preg_match( '/^[a-z0-9][a-z0-9_-]{0,63}$/D', $given['id'] ) || '' === $given['src'] ) {
		return current_user_can( 'edit_posts' )
			? '<p class="autowebinar-problem">' . esc_html__( 'AutoWebinar needs an id, of lower-case letters, digits, - and _, and the src of a video.', 'autowebinar' ) . '</p>'
			: '';
	}
	if ( ! is_user_logged_in() ) {
		return login_link();
	}
	if ( ! defined( 'DONOTCACHEPAGE' ) ) {
		// The nonce is this viewer's: page caches of many makers know this name.
		define( 'DONOTCACHEPAGE', true ); // phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals.NonPrefixedConstantFound
	}
	$element = wp_unique_id( 'autowebinar-' );
	$html    = sprintf(
		'<div class="autowebinar"><video id="%s" class="autowebinar-video" src="%s"%s controls playsinline preload="metadata" style="width:100%%"></video>%s</div>',
		esc_attr( $element ),
		esc_url( $given['src'] ),
		'' === $given['poster'] ? '' : ' poster="' . esc_url( $given['poster'] ) . '"',
		call_to_action( $element, $given['cta'], $given['cta_url'] )
	);
	return $html . wp_get_inline_script_tag( player_script( $element, $given['id'] ), array( 'type' => 'module' ) );
}

/**
 * What a visitor sees where the player would be.
 */
function login_link(): string {
	$html = sprintf(
		'<p class="autowebinar-login"><a href="%s">%s</a></p>',
		esc_url( wp_login_url( (string) get_permalink() ) ),
		esc_html__( 'Log in to watch the webinar', 'autowebinar' )
	);
	/**
	 * Filters what a visitor who is not logged in sees in place of the player.
	 *
	 * @param string $html A link to the login.
	 */
	return (string) apply_filters( 'autowebinar_login_link', $html );
}

/**
 * The link that a viewer is called to click.
 *
 * @param string $element Id of the video.
 * @param string $text    What it says; empty: there is none.
 * @param string $url     Where it leads.
 */
function call_to_action( string $element, string $text, string $url ): string {
	if ( '' === $text ) {
		return '';
	}
	return sprintf(
		'<p class="autowebinar-cta"><a id="%s-cta" class="wp-element-button" href="%s" target="_blank" rel="noopener">%s</a></p>',
		esc_attr( $element ),
		esc_url( $url ),
		esc_html( $text )
	);
}

/**
 * The module that joins a video to the service.
 *
 * @param string $element Id of the video.
 * @param string $webinar Webinar id.
 */
function player_script( string $element, string $webinar ): string {
	$settings = array(
		'webinarId' => $webinar,
		'base'      => base(),
		'nonce'     => wp_create_nonce( 'wp_rest' ),
		'nonceUrl'  => admin_url( 'admin-ajax.php?action=rest-nonce', 'relative' ),
	);
	$encode   = fn( $value ) => wp_json_encode( $value, JSON_HEX_TAG | JSON_HEX_AMP | JSON_UNESCAPED_SLASHES );
	return sprintf(
		"import { attach } from %s;\nconst player = attach( document.getElementById( %s ), %s );\n" .
		"document.getElementById( %s )?.addEventListener( 'click', () => player.cta().catch( () => {} ) );\n",
		$encode( $settings['base'] . '/player.js' ),
		$encode( $element ),
		$encode( $settings ),
		$encode( $element . '-cta' )
	);
}

/**
 * Where the service answers, for this page. One proxy rule is enough for all
 * sites of a network that share a host: there it is the main site's address.
 */
function base(): string {
	$site = is_multisite() && ! is_subdomain_install() ? get_main_site_id() : null;
	$base = wp_make_link_relative( untrailingslashit( get_rest_url( $site, SERVICE ) ) );
	/**
	 * Filters the address of the service as the player is told.
	 *
	 * @param string $base Such as /wp-json/autowebinar/v1.
	 */
	return (string) apply_filters( 'autowebinar_base', $base );
}

/*
 * ---- The bridge: the service's webhooks become actions ----
 */

/**
 * Registers POST /wp-json/autowebinar-bridge/v1/events, to which
 * AUTOWEBINAR_WEBHOOK_URL of the service points.
 */
function register_bridge(): void {
	register_rest_route(
		BRIDGE,
		'/events',
		array(
			'methods'             => 'POST',
			'callback'            => __NAMESPACE__ . '\receive',
			'permission_callback' => __NAMESPACE__ . '\verify',
			'show_in_index'       => false,
		)
	);
}

/**
 * A setting: a constant of wp-config.php, else an environment variable, else
 * the content of the file that a variable of the name and _FILE names.
 *
 * @param string $name Name.
 */
function setting( string $name ): string {
	if ( defined( $name ) ) {
		return (string) constant( $name );
	}
	$file = (string) getenv( $name . '_FILE' );
	if ( '' !== $file && is_readable( $file ) ) {
		// A secret of the container, not a remote address.
		return rtrim( (string) file_get_contents( $file ), "\r\n" ); // phpcs:ignore WordPress.WP.AlternativeFunctions.file_get_contents_file_get_contents
	}
	return (string) getenv( $name );
}

/**
 * The keys that may have signed a webhook, as bytes. There are two while a
 * secret is being changed.
 *
 * @return string[]
 */
function signing_keys(): array {
	$keys = array();
	foreach ( explode( ',', setting( 'AUTOWEBINAR_WEBHOOK_SECRET' ) ) as $secret ) {
		// Standard Webhooks writes keys in base64.
		$key = base64_decode( (string) preg_replace( '/^whsec_/', '', trim( $secret ) ), true ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_decode
		if ( is_string( $key ) && strlen( $key ) >= 24 ) {
			$keys[] = $key;
		}
	}
	return $keys;
}

/**
 * Admits a webhook that the service has signed within the last minutes, by the
 * rules of Standard Webhooks.
 *
 * @param WP_REST_Request $request Request.
 * @return true|WP_Error
 */
function verify( WP_REST_Request $request ) {
	$keys = signing_keys();
	if ( ! $keys ) {
		return new WP_Error( 'autowebinar_no_secret', __( 'AUTOWEBINAR_WEBHOOK_SECRET is not set in WordPress, or is no secret of the form whsec_….', 'autowebinar' ), array( 'status' => 503 ) );
	}
	$id   = (string) $request->get_header( 'webhook-id' );
	$time = (string) $request->get_header( 'webhook-timestamp' );
	if ( ! preg_match( '/^[0-9a-f-]{36}$/D', $id ) || ! preg_match( '/^[0-9]{1,12}$/D', $time ) ) {
		return new WP_Error( 'autowebinar_unsigned', __( 'The request has no webhook-id or no webhook-timestamp.', 'autowebinar' ), array( 'status' => 401 ) );
	}
	if ( abs( time() - (int) $time ) > TOLERANCE ) {
		return new WP_Error( 'autowebinar_stale', __( 'The webhook was signed too long ago, or the clocks differ.', 'autowebinar' ), array( 'status' => 401 ) );
	}
	if ( ! is_signed( $id . '.' . $time . '.' . $request->get_body(), (string) $request->get_header( 'webhook-signature' ), $keys ) ) {
		return new WP_Error( 'autowebinar_forged', __( 'No signature of the webhook is right.', 'autowebinar' ), array( 'status' => 401 ) );
	}
	return true;
}

/**
 * Whether one of the signatures is by one of the keys. The time it takes does
 * not depend on which.
 *
 * @param string   $content    What was signed.
 * @param string   $signatures Separated by spaces, each v1,BASE64.
 * @param string[] $keys       Keys.
 */
function is_signed( string $content, string $signatures, array $keys ): bool {
	$right = false;
	foreach ( array_slice( explode( ' ', $signatures ), 0, 10 ) as $signature ) {
		foreach ( $keys as $key ) {
			$wanted = 'v1,' . base64_encode( hash_hmac( 'sha256', $content, $key, true ) ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_encode
			$right  = hash_equals( $wanted, $signature ) || $right;
		}
	}
	return $right;
}

/**
 * Fires the action of a verified webhook, once: a repeat is accepted without it.
 * Only an answer of 2xx tells the service that the event has arrived, so what
 * keeps a listener from finishing gives 500, and the service comes again.
 *
 * @param WP_REST_Request $request Request.
 * @return WP_REST_Response|WP_Error
 */
function receive( WP_REST_Request $request ) {
	global $wpdb;
	$event = json_decode( $request->get_body(), true );
	$user  = (string) $request->get_header( 'autowebinar-user' );
	if ( ! is_array( $event ) || ! in_array( $event['type'] ?? '', EVENTS, true ) || ! is_array( $event['data'] ?? null ) || ! preg_match( '/^[1-9][0-9]{0,18}$/D', $user ) ) {
		return new WP_Error( 'autowebinar_unknown_event', __( 'The webhook is none of the six events.', 'autowebinar' ), array( 'status' => 400 ) );
	}
	$meta = array(
		'id'        => (string) $request->get_header( 'webhook-id' ),
		'type'      => $event['type'],
		'timestamp' => (string) ( $event['timestamp'] ?? '' ),
		'user_id'   => (int) $user,
	);
	read_primary();
	$wpdb->flush();
	if ( ! get_userdata( $meta['user_id'] ) ) {
		// 422 says that this event has a fault, and not the site. But not found can
		// mean not read, and a form that is refused is lost.
		$gone = ! $wpdb->last_error && 'client_webinar_form_submitted' !== $meta['type'];
		return new WP_Error( 'autowebinar_unknown_user', __( 'The viewer is not found.', 'autowebinar' ), array( 'status' => $gone ? 422 : 503 ) );
	}
	if ( ! lock( $meta['user_id'] ) ) {
		return new WP_Error( 'autowebinar_busy', __( 'Listeners are still at work on an event of this viewer.', 'autowebinar' ), array( 'status' => 503 ) );
	}
	try {
		return accept( $event['data'], $meta );
	} finally {
		unlock( $meta['user_id'] );
	}
}

/**
 * Runs the listeners unless they have run for this event.
 *
 * @param array $payload The event's data.
 * @param array $meta    About it: id, type, timestamp, user_id.
 * @return WP_REST_Response|WP_Error
 */
function accept( array $payload, array $meta ) {
	$is_form = 'client_webinar_form_submitted' === $meta['type'];
	$mark    = PREFIX . ( $is_form ? 'bridge_form_id' : 'bridge_last_id' );
	$rows    = rows( $meta['user_id'] );
	if ( null === $rows ) {
		return new WP_Error( 'autowebinar_unread', __( 'What is known of the viewer could not be read.', 'autowebinar' ), array( 'status' => 503 ) );
	}
	if ( is_marked( $rows, $mark, $meta['id'] ) ) {
		return new WP_REST_Response(
			array(
				'accepted' => true,
				'repeat'   => true,
			)
		);
	}
	// The service deletes an event's row when it has been accepted, so whatever
	// comes without one was accepted before, is another user's, or was erased.
	// Forms have no rows.
	if ( ! $is_form && ! is_pending( $rows, $meta['id'] ) ) {
		return new WP_Error( 'autowebinar_unknown_delivery', __( 'No event of this id waits for delivery to this viewer.', 'autowebinar' ), array( 'status' => 503 ) );
	}
	wp_cache_delete( $meta['user_id'], 'user_meta' );
	ignore_user_abort( true );
	// What WordPress answers replaces this; what ends PHP before does not.
	status_header( 500 );
	try {
		/**
		 * Fires when the service has delivered an event.
		 *
		 * The name is one of the six: client_webinar_registered, _entered, _left,
		 * _completed, _form_submitted, _attendance_classified.
		 *
		 * @param array $payload Its fields, by the contract of the events.
		 * @param array $meta    id: of the fact, the same in every repeat; type; timestamp: when it happened, RFC 3339; user_id: the WordPress user.
		 */
		do_action( $meta['type'], $payload, $meta ); // phpcs:ignore WordPress.NamingConventions.ValidHookName, WordPress.NamingConventions.PrefixAllGlobals
	} catch ( Throwable $problem ) {
		// The operator finds the reason in PHP's log; the sender is not told it.
		error_log( sprintf( 'AutoWebinar: a listener of %s failed on event %s: %s', $meta['type'], $meta['id'], $problem ) ); // phpcs:ignore WordPress.PHP.DevelopmentFunctions.error_log_error_log
		return new WP_Error( 'autowebinar_listener_failed', __( 'A listener failed; deliver the event again.', 'autowebinar' ), array( 'status' => 500 ) );
	}
	update_user_meta( $meta['user_id'], $mark, $meta['id'] );
	// They may have been deleted since the listeners began.
	sweep_deleted_user( $meta['user_id'] );
	return new WP_REST_Response( array( 'accepted' => true ) );
}

/**
 * Whether an event is the last of its kind that the listeners took.
 *
 * @param object[] $rows The user's rows.
 * @param string   $mark Key of the mark.
 * @param string   $id   Id of the event.
 */
function is_marked( array $rows, string $mark, string $id ): bool {
	foreach ( $rows as $row ) {
		if ( $mark === $row->meta_key && $id === $row->meta_value ) {
			return true;
		}
	}
	return false;
}

/**
 * Whether the service has an event of this id to deliver.
 *
 * @param object[] $rows The user's rows.
 * @param string   $id   Id of the event.
 */
function is_pending( array $rows, string $id ): bool {
	foreach ( $rows as $row ) {
		// 1|type|id|…
		if ( in_array( $row->meta_key, OUTBOX, true ) && ( explode( '|', (string) $row->meta_value, 4 )[2] ?? '' ) === $id ) {
			return true;
		}
	}
	return false;
}

/**
 * Keeps a second delivery, or an erasure, out while the first is under way.
 *
 * @param int $user_id User.
 */
function lock( int $user_id ): bool {
	global $wpdb;
	// phpcs:ignore WordPress.DB.DirectDatabaseQuery.DirectQuery, WordPress.DB.DirectDatabaseQuery.NoCaching
	return '0' !== $wpdb->get_var( $wpdb->prepare( 'SELECT GET_LOCK(%s, 5)', lock_name( $user_id ) ) );
}

/**
 * Ends what lock() began.
 *
 * @param int $user_id User.
 */
function unlock( int $user_id ): void {
	global $wpdb;
	// phpcs:ignore WordPress.DB.DirectDatabaseQuery.DirectQuery, WordPress.DB.DirectDatabaseQuery.NoCaching
	$wpdb->get_var( $wpdb->prepare( 'SELECT RELEASE_LOCK(%s)', lock_name( $user_id ) ) );
}

/**
 * Names of locks are the server's, not the database's, and 64 characters at most.
 *
 * @param int $user_id User.
 */
function lock_name( int $user_id ): string {
	global $wpdb;
	return 'autowebinar_bridge:' . substr( md5( DB_NAME . '.' . $wpdb->usermeta ), 0, 12 ) . ':' . $user_id;
}

/*
 * ---- People's data ----
 */

/**
 * What the fields are called, for people.
 */
function labels(): array {
	return array(
		'session_id'        => __( 'Session', 'autowebinar' ),
		'started_at'        => __( 'First entered (UTC)', 'autowebinar' ),
		'last_position_sec' => __( 'Last position in seconds', 'autowebinar' ),
		'furthest_sec'      => __( 'Watched up to second', 'autowebinar' ),
		'progress_percent'  => __( 'Progress in percent', 'autowebinar' ),
		'completed'         => __( 'Completed', 'autowebinar' ),
		'cta_clicked_at'    => __( 'Call to action clicked (UTC)', 'autowebinar' ),
		'last_seen_at'      => __( 'Last seen (UTC)', 'autowebinar' ),
		'left_at'           => __( 'First left (UTC)', 'autowebinar' ),
		'webinar_id'        => __( 'Webinar', 'autowebinar' ),
	);
}

/**
 * Adds the exporter to those of WordPress.
 *
 * @param array $exporters Exporters.
 */
function register_exporter( array $exporters ): array {
	$exporters['autowebinar'] = array(
		'exporter_friendly_name' => __( 'AutoWebinar', 'autowebinar' ),
		'callback'               => __NAMESPACE__ . '\export',
	);
	return $exporters;
}

/**
 * The user of an address.
 *
 * @param string $email Address.
 * @return \WP_User|false|null False: nobody has it; null: users could not be read.
 */
function user_of( string $email ) {
	global $wpdb;
	read_primary();
	$wpdb->flush();
	$user = get_user_by( 'email', $email );
	return ! $user && $wpdb->last_error ? null : $user;
}

/**
 * All that the service knows of a person, in one page.
 *
 * @param string $email Address of the person.
 * @return array|WP_Error
 */
function export( string $email ) {
	$user  = user_of( $email );
	$found = $user ? overview( $user->ID ) : array(
		'sessions'   => array(),
		'registered' => array(),
		'waiting'    => array(),
	);
	if ( null === $user || null === $found ) {
		return new WP_Error( 'autowebinar_unread', __( 'The database did not give the webinar data; run the export again.', 'autowebinar' ) );
	}
	$data = array();
	foreach ( $found['sessions'] as $webinar => $fields ) {
		$fields = array( 'webinar_id' => (string) $webinar ) + $fields;
		$data[] = export_item( __( 'Webinars watched', 'autowebinar' ), 'session', (string) $webinar, array_combine( array_map( fn( $field ) => labels()[ $field ] ?? $field, array_keys( $fields ) ), $fields ) );
	}
	foreach ( $found['registered'] as $webinar => $time ) {
		$data[] = export_item(
			__( 'Webinar registrations', 'autowebinar' ),
			'registered',
			(string) $webinar,
			array(
				__( 'Webinar', 'autowebinar' )          => (string) $webinar,
				__( 'Registered (UTC)', 'autowebinar' ) => $time,
			)
		);
	}
	foreach ( $found['waiting'] as $number => $event ) {
		$data[] = export_item(
			__( 'Webinar events not delivered yet', 'autowebinar' ),
			'waiting',
			(string) $number,
			waiting_fields( $event )
		);
	}
	return array(
		'data' => $data,
		'done' => true,
	);
}

/**
 * What is exported of an event that waits.
 *
 * @param array $event One of overview()'s.
 * @return string[] Values by name.
 */
function waiting_fields( array $event ): array {
	$details = array(
		'client_webinar_registered'            => __( 'Came from', 'autowebinar' ),
		'client_webinar_left'                  => __( 'Reason of leaving', 'autowebinar' ),
		'client_webinar_attendance_classified' => __( 'Attended', 'autowebinar' ),
	);
	$fields  = array(
		__( 'Event', 'autowebinar' )          => $event['type'],
		__( 'Webinar', 'autowebinar' )        => $event['webinar'],
		__( 'Happened (UTC)', 'autowebinar' ) => $event['time'],
	);
	$more    = array(
		__( 'Session', 'autowebinar' ) => $event['session'],
		$details[ $event['type'] ] ?? __( 'Detail', 'autowebinar' ) => $event['detail'],
		__( 'Slot', 'autowebinar' )    => $event['slot'],
	);
	return $fields + array_filter( $more, 'strlen' );
}

/**
 * One item of an export.
 *
 * @param string   $label  What the group is called.
 * @param string   $group  Its id.
 * @param string   $item   The item's id in it.
 * @param string[] $fields Values by name.
 */
function export_item( string $label, string $group, string $item, array $fields ): array {
	$data = array();
	foreach ( $fields as $name => $value ) {
		$data[] = array(
			'name'  => $name,
			'value' => $value,
		);
	}
	return array(
		'group_id'    => 'autowebinar-' . $group,
		'group_label' => $label,
		'item_id'     => 'autowebinar-' . $group . '-' . $item,
		'data'        => $data,
	);
}

/**
 * Adds the eraser to those of WordPress.
 *
 * @param array $erasers Erasers.
 */
function register_eraser( array $erasers ): array {
	$erasers['autowebinar'] = array(
		'eraser_friendly_name' => __( 'AutoWebinar', 'autowebinar' ),
		'callback'             => __NAMESPACE__ . '\erase',
	);
	return $erasers;
}

/**
 * Deletes all that the service knows of a person. Events that wait are
 * withdrawn; those that were delivered are the receiver's to erase.
 *
 * @param string $email Address of the person.
 */
function erase( string $email ): array {
	$failed = __( 'The database did not delete the webinar data; run the erasure again.', 'autowebinar' );
	$user   = user_of( $email );
	if ( ! $user ) {
		return erased( 0, null === $user ? $failed : '' );
	}
	if ( ! lock( $user->ID ) ) {
		return erased( 0, __( 'A webinar event of this person is being delivered right now; run the erasure again.', 'autowebinar' ) );
	}
	try {
		$removed = delete_rows( $user->ID );
	} finally {
		unlock( $user->ID );
	}
	return null === $removed ? erased( 0, $failed ) : erased( $removed );
}

/**
 * The eraser's answer.
 *
 * @param int    $removed  How many rows are gone.
 * @param string $retained Why there may be others; empty: there are none.
 */
function erased( int $removed, string $retained = '' ): array {
	$messages = array( $retained );
	if ( $removed > 0 ) {
		$messages[] = __( 'Webinar events that were already delivered to other systems must be erased there.', 'autowebinar' );
	}
	return array(
		'items_removed'  => $removed > 0,
		'items_retained' => '' !== $retained,
		'messages'       => array_values( array_filter( $messages ) ),
		'done'           => true,
	);
}

/**
 * Deletes a user's rows.
 *
 * @param int  $user_id   User.
 * @param bool $only_gone Not if there is such a user.
 * @return int|null How many there were; null: the database did not do it.
 */
function delete_rows( int $user_id, bool $only_gone = false ): ?int {
	global $wpdb;
	$condition = $only_gone ? " AND NOT EXISTS (SELECT 1 FROM {$wpdb->users} WHERE ID = {$user_id})" : '';
	// One statement: the service may be about to rename a row, which one by one would
	// miss; and a read of the users that failed or lags must not look like a deletion.
	// phpcs:ignore WordPress.DB.DirectDatabaseQuery.DirectQuery, WordPress.DB.DirectDatabaseQuery.NoCaching
	$removed = $wpdb->query(
		$wpdb->prepare(
			"DELETE FROM {$wpdb->usermeta} WHERE user_id = %d AND meta_key LIKE %s{$condition}", // phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
			$user_id,
			$wpdb->esc_like( PREFIX ) . '%'
		)
	);
	wp_cache_delete( $user_id, 'user_meta' );
	return is_int( $removed ) ? $removed : null;
}

/**
 * WordPress deletes a user's meta row by row: what the service wrote meanwhile
 * goes here. On a network a user may only have left one site, and is still there.
 *
 * @param int $user_id User.
 */
function sweep_deleted_user( int $user_id ): void {
	delete_rows( $user_id, true );
}

/**
 * Shows administrators what the service knows of a user, on the user's profile.
 *
 * @param \WP_User $user User.
 */
function show_profile( $user ): void {
	if ( ! current_user_can( 'edit_users' ) ) {
		return;
	}
	$found = overview( $user->ID );
	echo '<h2>' . esc_html__( 'AutoWebinar', 'autowebinar' ) . '</h2>';
	if ( null === $found ) {
		echo '<p>' . esc_html__( 'What is known of this user could not be read.', 'autowebinar' ) . '</p>';
		return;
	}
	if ( ! array_filter( $found ) ) {
		echo '<p>' . esc_html__( 'This user has not entered a webinar.', 'autowebinar' ) . '</p>';
		return;
	}
	echo '<table class="widefat striped" id="autowebinar-profile" style="max-width:60em"><thead><tr>';
	foreach ( array( __( 'Webinar', 'autowebinar' ), __( 'Progress', 'autowebinar' ), __( 'Position', 'autowebinar' ), __( 'First entered', 'autowebinar' ), __( 'Last seen', 'autowebinar' ), __( 'Call to action', 'autowebinar' ) ) as $title ) {
		echo '<th scope="col">' . esc_html( $title ) . '</th>';
	}
	echo '</tr></thead><tbody>';
	foreach ( $found['sessions'] + array_fill_keys( array_keys( $found['registered'] ), array() ) as $webinar => $session ) {
		show_session( (string) $webinar, $session, $found['registered'][ $webinar ] ?? '' );
	}
	echo '</tbody></table>';
	$dead = count( array_filter( $found['waiting'], fn( $event ) => $event['dead'] ) );
	/* translators: 1: number of events, 2: number of those given up. */
	echo '<p>' . esc_html( sprintf( __( 'Events waiting for delivery: %1$d, of which given up: %2$d.', 'autowebinar' ), count( $found['waiting'] ), $dead ) ) . '</p>';
}

/**
 * Prints a row of the table in the profile.
 *
 * @param string   $webinar    Webinar id.
 * @param string[] $session    Fields.
 * @param string   $registered Time of the registration, in UTC; empty: none.
 */
function show_session( string $webinar, array $session, string $registered ): void {
	$progress = ( $session['progress_percent'] ?? '0' ) . ' %';
	if ( ! empty( $session['completed'] ) ) {
		$progress .= ' · ' . __( 'completed', 'autowebinar' );
	}
	if ( ! isset( $session['session_id'] ) ) {
		/* translators: %s: a time. */
		$progress = sprintf( __( 'registered %s', 'autowebinar' ), local_time( $registered ) );
	}
	$position = (int) ( $session['last_position_sec'] ?? 0 );
	$cells    = array(
		$webinar,
		$progress,
		isset( $session['session_id'] ) ? sprintf( '%d:%02d:%02d', intdiv( $position, 3600 ), intdiv( $position, 60 ) % 60, $position % 60 ) : '—',
		local_time( $session['started_at'] ?? '' ),
		local_time( $session['last_seen_at'] ?? '' ),
		local_time( $session['cta_clicked_at'] ?? '' ),
	);
	echo '<tr><td>' . implode( '</td><td>', array_map( 'esc_html', $cells ) ) . '</td></tr>'; // phpcs:ignore WordPress.Security.EscapeOutput.OutputNotEscaped
}

/**
 * A stored time in the site's own zone and format; — where there is none.
 *
 * @param string $stored YYYY-MM-DD HH:MM:SS in UTC.
 */
function local_time( string $stored ): string {
	$time = '' === $stored ? false : strtotime( $stored . ' UTC' );
	return false === $time ? '—' : (string) wp_date( get_option( 'date_format' ) . ' ' . get_option( 'time_format' ), $time );
}
