<?php
/**
 * Plugin Name:       AutoWebinar
 * Description:       Adds the AutoWebinar player as a block and a shortcode, fires actions for webinar events, keeps user meta current, and supports the personal data tools.
 * Version:           1.0.0
 * Requires at least: 5.7
 * Requires PHP:      7.4
 * License:           MIT
 * Text Domain:       autowebinar
 *
 * Copy this file to wp-content/mu-plugins, or to wp-content/plugins and activate
 * it there, but not both. It creates no tables and writes only user meta whose keys
 * begin with autowebinar_. See README.md in the same directory.
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
 * The REST namespace of the service. A proxy forwards its requests to the service.
 */
const SERVICE = 'autowebinar/v1';

/**
 * The REST namespace of the bridge. The proxy rule for the service must not match it.
 */
const BRIDGE = 'autowebinar-bridge/v1';

/**
 * The maximum difference between the time of a webhook and the local clock, in seconds.
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
 * The meta keys of pending events.
 */
const OUTBOX = array( PREFIX . 'outbox', PREFIX . 'outbox_wait', PREFIX . 'outbox_dead' );

// User meta of the service, which is always read from the database.
add_filter( 'get_user_metadata', __NAMESPACE__ . '\filter_meta', 10, 4 );

// The player.
add_action( 'init', __NAMESPACE__ . '\register_player' );

// Events as actions.
add_action( 'rest_api_init', __NAMESPACE__ . '\register_bridge' );

// Personal data.
add_filter( 'wp_privacy_personal_data_exporters', __NAMESPACE__ . '\register_exporter' );
add_filter( 'wp_privacy_personal_data_erasers', __NAMESPACE__ . '\register_eraser' );
add_action( 'deleted_user', __NAMESPACE__ . '\delete_orphaned_rows' );
add_action( 'show_user_profile', __NAMESPACE__ . '\render_profile' );
add_action( 'edit_user_profile', __NAMESPACE__ . '\render_profile' );

/*
 * ---- User meta ----
 */

/**
 * Makes the rest of the request read the primary database: replicas lag behind it
 * and do not share its locks.
 */
function read_primary(): void {
	global $wpdb;
	// LudicrousDB since 5.2, then earlier versions of it and HyperDB.
	foreach ( array( 'send_reads_to_primaries', 'send_reads_to_masters' ) as $method ) {
		if ( method_exists( $wpdb, $method ) ) {
			$wpdb->$method();
			return;
		}
	}
}

/**
 * Reads the rows of the service for a user from the database.
 *
 * @param int $user_id User.
 * @return object[]|null Rows with meta_key and meta_value, in the order of insertion; null if they could not be read.
 */
function read_rows( int $user_id ): ?array {
	global $wpdb;
	// This query bypasses all caches on purpose.
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
	return array_values( array_filter( (array) $rows, fn( $row ) => is_service_key( $row->meta_key ) ) );
}

/**
 * Reports whether a meta key belongs to the service.
 *
 * @param string $key Meta key.
 */
function is_service_key( string $key ): bool {
	return 0 === strncmp( $key, PREFIX, strlen( PREFIX ) );
}

/**
 * Filters get_user_meta() for the keys of the service. The service writes to the
 * database directly, so a persistent object cache can be stale. update_user_meta()
 * compares values through this filter, too.
 *
 * @param mixed  $value   The result of another filter, or null.
 * @param int    $user_id User.
 * @param string $key     Meta key; empty for all keys.
 * @param bool   $single  Whether a single value is requested.
 * @return mixed A list of values, of which WordPress uses the first for a single value; null for other keys.
 */
function filter_meta( $value, $user_id, $key, $single ) {
	$key = (string) $key;
	if ( null !== $value || ( '' !== $key && ! is_service_key( $key ) ) ) {
		return $value;
	}
	$rows = read_rows( (int) $user_id ) ?? array();
	if ( '' === $key ) {
		$all = merge_rows( (int) $user_id, $rows );
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
 * Returns all meta of a user, with the rows of the service replaced by current ones.
 *
 * @param int      $user_id User.
 * @param object[] $rows    Current rows of the service.
 */
function merge_rows( int $user_id, array $rows ): array {
	$meta = wp_cache_get( $user_id, 'user_meta' );
	if ( ! is_array( $meta ) ) {
		$loaded = update_meta_cache( 'user', array( $user_id ) );
		$meta   = isset( $loaded[ $user_id ] ) ? (array) $loaded[ $user_id ] : array();
	}
	$meta = array_filter( $meta, fn( $key ) => ! is_service_key( (string) $key ), ARRAY_FILTER_USE_KEY );
	foreach ( $rows as $row ) {
		$meta[ $row->meta_key ][] = (string) $row->meta_value;
	}
	return $meta;
}

/**
 * Groups the rows of a user into sessions, registrations and pending events.
 *
 * @param int $user_id User.
 * @return array|null sessions: webinar id => key without prefix => value; registered: webinar id => time; pending: list of type, webinar, time, session, detail, slot, dead. Null if they could not be read.
 */
function user_data( int $user_id ): ?array {
	$rows    = read_rows( $user_id );
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
		'pending'    => array(),
	);
	foreach ( $rows as $row ) {
		list( $field, $webinar ) = explode( '@', substr( $row->meta_key, strlen( PREFIX ) ), 2 ) + array( '', $current );
		$value                   = (string) $row->meta_value;
		if ( 0 === strpos( $field, 'bridge_' ) ) {
			continue;
		}
		if ( 0 === strpos( $field, 'outbox' ) ) {
			$parts              = array_map( 'rawurldecode', explode( '|', $value ) ) + array( '', '', '', '0', '', '', '', '', '' );
			$found['pending'][] = array(
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
	add_shortcode( 'autowebinar', __NAMESPACE__ . '\render_player' );
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
			'description'     => __( 'Plays a recorded webinar and tracks its viewers.', 'autowebinar' ),
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
			'render_callback' => __NAMESPACE__ . '\render_player',
		)
	);
}

/**
 * Returns the attributes of the block and the shortcode with their labels.
 */
function attributes(): array {
	return array(
		'id'      => __( 'Webinar ID', 'autowebinar' ),
		'src'     => __( 'Video URL', 'autowebinar' ),
		'poster'  => __( 'Poster image URL', 'autowebinar' ),
		'cta'     => __( 'Call to action: text', 'autowebinar' ),
		'cta_url' => __( 'Call to action: URL', 'autowebinar' ),
	);
}

/**
 * Returns the editor script of the block: a form for the attributes.
 */
function block_script(): string {
	$texts = wp_json_encode(
		array(
			'title'  => __( 'AutoWebinar', 'autowebinar' ),
			'hint'   => __( 'Logged-in viewers see the webinar here, starting at their last position.', 'autowebinar' ),
			'fields' => attributes(),
		),
		JSON_HEX_TAG | JSON_HEX_AMP
	);
	return <<<SCRIPT
( function ( blocks, editor, components, el, texts ) {
	blocks.registerBlockType( 'autowebinar/player', {
		edit: function ( props ) {
			var fields = Object.keys( texts.fields ).map( function ( name ) {
				return el( components.TextControl, {
					key: name,
					label: texts.fields[ name ],
					value: props.attributes[ name ],
					onChange: function ( value ) {
						var change = {};
						change[ name ] = value;
						props.setAttributes( change );
					},
				} );
			} );
			return el( 'div', editor.useBlockProps(), el( components.Placeholder, {
				icon: 'video-alt3', label: texts.title, instructions: texts.hint, isColumnLayout: true,
			}, fields ) );
		},
		save: function () { return null; },
	} );
} )( wp.blocks, wp.blockEditor, wp.components, wp.element.createElement, {$texts} );
SCRIPT;
}

/**
 * Renders the player: [autowebinar id="intro" src="…" poster="…" cta="…" cta_url="…"].
 *
 * @param array|string $given Attributes.
 */
function render_player( $given ): string {
	$given = shortcode_atts( array_fill_keys( array_keys( attributes() ), '' ), (array) $given, 'autowebinar' );
	if ( ! preg_match( '/^[a-z0-9][a-z0-9_-]{0,63}$/D', $given['id'] ) || '' === $given['src'] ) {
		return current_user_can( 'edit_posts' )
			? '<p class="autowebinar-problem">' . esc_html__( 'AutoWebinar needs a webinar id (lower-case letters, digits, - and _) and the src of a video.', 'autowebinar' ) . '</p>'
			: '';
	}
	if ( ! is_user_logged_in() ) {
		return render_login_link();
	}
	if ( ! defined( 'DONOTCACHEPAGE' ) ) {
		// The page contains the nonce of the viewer. Many page caches respect this constant.
		define( 'DONOTCACHEPAGE', true ); // phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals.NonPrefixedConstantFound
	}
	$element = wp_unique_id( 'autowebinar-' );
	$html    = sprintf(
		'<div class="autowebinar"><video id="%s" class="autowebinar-video" src="%s"%s controls playsinline preload="metadata" style="width:100%%"></video>%s</div>',
		esc_attr( $element ),
		esc_url( $given['src'] ),
		'' === $given['poster'] ? '' : ' poster="' . esc_url( $given['poster'] ) . '"',
		render_call_to_action( $element, $given['cta'], $given['cta_url'] )
	);
	return $html . wp_get_inline_script_tag( player_script( $element, $given['id'] ), array( 'type' => 'module' ) );
}

/**
 * Renders the link that visitors see instead of the player.
 */
function render_login_link(): string {
	$html = sprintf(
		'<p class="autowebinar-login"><a href="%s">%s</a></p>',
		esc_url( wp_login_url( (string) get_permalink() ) ),
		esc_html__( 'Log in to watch the webinar', 'autowebinar' )
	);
	/**
	 * Filters what visitors who are not logged in see instead of the player.
	 *
	 * @param string $html A link to the login.
	 */
	return (string) apply_filters( 'autowebinar_login_link', $html );
}

/**
 * Renders the call to action.
 *
 * @param string $element Id of the video.
 * @param string $text    Text; empty for no call to action.
 * @param string $url     URL.
 */
function render_call_to_action( string $element, string $text, string $url ): string {
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
 * Returns the script that attaches the player client to a video.
 *
 * @param string $element Id of the video.
 * @param string $webinar Webinar id.
 */
function player_script( string $element, string $webinar ): string {
	$settings = array(
		'webinarId' => $webinar,
		'base'      => service_base(),
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
 * Returns the base path of the service. In a network whose sites share a host it is
 * that of the main site, so that one proxy rule is enough.
 */
function service_base(): string {
	$site = is_multisite() && ! is_subdomain_install() ? get_main_site_id() : null;
	$base = wp_make_link_relative( untrailingslashit( get_rest_url( $site, SERVICE ) ) );
	/**
	 * Filters the base path of the service that the player uses.
	 *
	 * @param string $base Such as /wp-json/autowebinar/v1.
	 */
	return (string) apply_filters( 'autowebinar_base', $base );
}

/*
 * ---- The bridge: fires actions for the webhooks of the service ----
 */

/**
 * Registers POST /wp-json/autowebinar-bridge/v1/events, the address for
 * AUTOWEBINAR_WEBHOOK_URL of the service.
 */
function register_bridge(): void {
	register_rest_route(
		BRIDGE,
		'/events',
		array(
			'methods'             => 'POST',
			'callback'            => __NAMESPACE__ . '\handle_webhook',
			'permission_callback' => __NAMESPACE__ . '\verify_webhook',
			'show_in_index'       => false,
		)
	);
}

/**
 * Returns a setting: a constant, else the content of the file named by the
 * environment variable with the suffix _FILE, else an environment variable.
 *
 * @param string $name Name.
 */
function get_setting( string $name ): string {
	if ( defined( $name ) ) {
		return (string) constant( $name );
	}
	$file = (string) getenv( $name . '_FILE' );
	if ( '' !== $file && is_readable( $file ) ) {
		// The path of a mounted secret, not a URL.
		return rtrim( (string) file_get_contents( $file ), "\r\n" ); // phpcs:ignore WordPress.WP.AlternativeFunctions.file_get_contents_file_get_contents
	}
	return (string) getenv( $name );
}

/**
 * Returns the valid signing keys as bytes. There are two while a secret is being
 * replaced.
 *
 * @return string[]
 */
function signing_keys(): array {
	$keys = array();
	foreach ( explode( ',', get_setting( 'AUTOWEBINAR_WEBHOOK_SECRET' ) ) as $secret ) {
		// Standard Webhooks encodes keys in base64.
		$key = base64_decode( (string) preg_replace( '/^whsec_/', '', trim( $secret ) ), true ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_decode
		if ( is_string( $key ) && strlen( $key ) >= 24 ) {
			$keys[] = $key;
		}
	}
	return $keys;
}

/**
 * Verifies the signature and the time of a webhook according to Standard Webhooks.
 *
 * @param WP_REST_Request $request Request.
 * @return true|WP_Error
 */
function verify_webhook( WP_REST_Request $request ) {
	$keys = signing_keys();
	if ( ! $keys ) {
		return new WP_Error( 'autowebinar_no_secret', __( 'AUTOWEBINAR_WEBHOOK_SECRET is not set in WordPress or does not have the form whsec_….', 'autowebinar' ), array( 'status' => 503 ) );
	}
	$id   = (string) $request->get_header( 'webhook-id' );
	$time = (string) $request->get_header( 'webhook-timestamp' );
	if ( ! preg_match( '/^[0-9a-f-]{36}$/D', $id ) || ! preg_match( '/^[0-9]{1,12}$/D', $time ) ) {
		return new WP_Error( 'autowebinar_unsigned', __( 'The request has no valid webhook-id or webhook-timestamp.', 'autowebinar' ), array( 'status' => 401 ) );
	}
	if ( abs( time() - (int) $time ) > TOLERANCE ) {
		return new WP_Error( 'autowebinar_stale', __( 'The webhook was signed too long ago, or the clocks differ.', 'autowebinar' ), array( 'status' => 401 ) );
	}
	if ( ! is_signed( $id . '.' . $time . '.' . $request->get_body(), (string) $request->get_header( 'webhook-signature' ), $keys ) ) {
		return new WP_Error( 'autowebinar_forged', __( 'The webhook has no valid signature.', 'autowebinar' ), array( 'status' => 401 ) );
	}
	return true;
}

/**
 * Reports whether one of the signatures is valid for one of the keys, in constant
 * time.
 *
 * @param string   $content    Signed content.
 * @param string   $signatures Signatures v1,BASE64, separated by spaces.
 * @param string[] $keys       Keys.
 */
function is_signed( string $content, string $signatures, array $keys ): bool {
	$valid = false;
	foreach ( array_slice( explode( ' ', $signatures ), 0, 10 ) as $signature ) {
		foreach ( $keys as $key ) {
			$expected = 'v1,' . base64_encode( hash_hmac( 'sha256', $content, $key, true ) ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_encode
			$valid    = hash_equals( $expected, $signature ) || $valid;
		}
	}
	return $valid;
}

/**
 * Handles a verified webhook. It fires the action of the event once. Repeated
 * deliveries are accepted without firing it again. If a listener does not finish,
 * the response is 500, and the service sends the event again.
 *
 * @param WP_REST_Request $request Request.
 * @return WP_REST_Response|WP_Error
 */
function handle_webhook( WP_REST_Request $request ) {
	global $wpdb;
	$event = json_decode( $request->get_body(), true );
	$user  = (string) $request->get_header( 'autowebinar-user' );
	if ( ! is_array( $event ) || ! in_array( $event['type'] ?? '', EVENTS, true ) || ! is_array( $event['data'] ?? null ) || ! preg_match( '/^[1-9][0-9]{0,18}$/D', $user ) ) {
		return new WP_Error( 'autowebinar_unknown_event', __( 'The webhook is not one of the six events.', 'autowebinar' ), array( 'status' => 400 ) );
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
		// 422 rejects this event without implying a failure of the site. It must not
		// result from a failed query, nor reject a form, which would then be lost.
		$gone = ! $wpdb->last_error && 'client_webinar_form_submitted' !== $meta['type'];
		return new WP_Error( 'autowebinar_unknown_user', __( 'The viewer does not exist.', 'autowebinar' ), array( 'status' => $gone ? 422 : 503 ) );
	}
	if ( ! lock( $meta['user_id'] ) ) {
		return new WP_Error( 'autowebinar_busy', __( 'Another event of this viewer is being processed.', 'autowebinar' ), array( 'status' => 503 ) );
	}
	try {
		return deliver( $event['data'], $meta );
	} finally {
		unlock( $meta['user_id'] );
	}
}

/**
 * Fires the action of an event unless it has fired already.
 *
 * @param array $payload Data of the event.
 * @param array $meta    Its id, type, timestamp and user_id.
 * @return WP_REST_Response|WP_Error
 */
function deliver( array $payload, array $meta ) {
	$is_form = 'client_webinar_form_submitted' === $meta['type'];
	$key     = PREFIX . ( $is_form ? 'bridge_form_id' : 'bridge_last_id' );
	$rows    = read_rows( $meta['user_id'] );
	if ( null === $rows ) {
		return new WP_Error( 'autowebinar_unread', __( 'The data of the viewer could not be read.', 'autowebinar' ), array( 'status' => 503 ) );
	}
	if ( is_repeat( $rows, $key, $meta['id'] ) ) {
		return new WP_REST_Response(
			array(
				'accepted' => true,
				'repeat'   => true,
			)
		);
	}
	// The service deletes the row of an event when it has been accepted. An event
	// without a row was accepted before, belongs to another user, or was erased. Forms
	// have no rows.
	if ( ! $is_form && ! is_pending( $rows, $meta['id'] ) ) {
		return new WP_Error( 'autowebinar_unknown_delivery', __( 'This viewer has no pending event with this id.', 'autowebinar' ), array( 'status' => 503 ) );
	}
	wp_cache_delete( $meta['user_id'], 'user_meta' );
	ignore_user_abort( true );
	// This status applies if PHP ends before WordPress sets another one.
	status_header( 500 );
	try {
		/**
		 * Fires when the service has delivered an event.
		 *
		 * The actions are client_webinar_registered, _entered, _left, _completed,
		 * _form_submitted and _attendance_classified.
		 *
		 * @param array $payload The fields of the event.
		 * @param array $meta    id: the same in every repeat of the event; type; timestamp: the time of the event in RFC 3339; user_id: the WordPress user.
		 */
		do_action( $meta['type'], $payload, $meta ); // phpcs:ignore WordPress.NamingConventions.ValidHookName, WordPress.NamingConventions.PrefixAllGlobals
	} catch ( Throwable $error ) {
		// The PHP log contains the reason; the response does not.
		error_log( sprintf( 'AutoWebinar: listener of %s failed for event %s: %s', $meta['type'], $meta['id'], $error ) ); // phpcs:ignore WordPress.PHP.DevelopmentFunctions.error_log_error_log
		return new WP_Error( 'autowebinar_listener_failed', __( 'A listener failed; send the event again.', 'autowebinar' ), array( 'status' => 500 ) );
	}
	update_user_meta( $meta['user_id'], $key, $meta['id'] );
	// A listener may have deleted the user.
	delete_orphaned_rows( $meta['user_id'] );
	return new WP_REST_Response( array( 'accepted' => true ) );
}

/**
 * Reports whether an event is the last one for which the action has fired.
 *
 * @param object[] $rows Rows of the user.
 * @param string   $key  Meta key of the id of the last event.
 * @param string   $id   Id of the event.
 */
function is_repeat( array $rows, string $key, string $id ): bool {
	foreach ( $rows as $row ) {
		if ( $key === $row->meta_key && $id === $row->meta_value ) {
			return true;
		}
	}
	return false;
}

/**
 * Reports whether the service has a pending event with this id.
 *
 * @param object[] $rows Rows of the user.
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
 * Locks a user, so that deliveries and erasures do not overlap.
 *
 * @param int $user_id User.
 */
function lock( int $user_id ): bool {
	global $wpdb;
	// phpcs:ignore WordPress.DB.DirectDatabaseQuery.DirectQuery, WordPress.DB.DirectDatabaseQuery.NoCaching
	return '0' !== $wpdb->get_var( $wpdb->prepare( 'SELECT GET_LOCK(%s, 5)', lock_name( $user_id ) ) );
}

/**
 * Releases the lock of lock().
 *
 * @param int $user_id User.
 */
function unlock( int $user_id ): void {
	global $wpdb;
	// phpcs:ignore WordPress.DB.DirectDatabaseQuery.DirectQuery, WordPress.DB.DirectDatabaseQuery.NoCaching
	$wpdb->get_var( $wpdb->prepare( 'SELECT RELEASE_LOCK(%s)', lock_name( $user_id ) ) );
}

/**
 * Returns the name of the lock. Names are global to the server and have at most 64
 * characters.
 *
 * @param int $user_id User.
 */
function lock_name( int $user_id ): string {
	global $wpdb;
	return 'autowebinar_bridge:' . substr( md5( DB_NAME . '.' . $wpdb->usermeta ), 0, 12 ) . ':' . $user_id;
}

/*
 * ---- Personal data ----
 */

/**
 * Returns the labels of the fields.
 */
function labels(): array {
	return array(
		'session_id'        => __( 'Session', 'autowebinar' ),
		'started_at'        => __( 'First entered (UTC)', 'autowebinar' ),
		'last_position_sec' => __( 'Last position (seconds)', 'autowebinar' ),
		'furthest_sec'      => __( 'Furthest position (seconds)', 'autowebinar' ),
		'progress_percent'  => __( 'Progress (percent)', 'autowebinar' ),
		'completed'         => __( 'Completed', 'autowebinar' ),
		'cta_clicked_at'    => __( 'Call to action clicked (UTC)', 'autowebinar' ),
		'last_seen_at'      => __( 'Last seen (UTC)', 'autowebinar' ),
		'left_at'           => __( 'First left (UTC)', 'autowebinar' ),
		'webinar_id'        => __( 'Webinar', 'autowebinar' ),
	);
}

/**
 * Registers the personal data exporter.
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
 * Finds the user with an email address.
 *
 * @param string $email Address.
 * @return \WP_User|false|null False if there is none; null if users could not be read.
 */
function find_user( string $email ) {
	global $wpdb;
	read_primary();
	$wpdb->flush();
	$user = get_user_by( 'email', $email );
	return ! $user && $wpdb->last_error ? null : $user;
}

/**
 * Exports the data of a person in one page.
 *
 * @param string $email Address of the person.
 * @return array|WP_Error
 */
function export( string $email ) {
	$user  = find_user( $email );
	$found = $user ? user_data( $user->ID ) : array(
		'sessions'   => array(),
		'registered' => array(),
		'pending'    => array(),
	);
	if ( null === $user || null === $found ) {
		return new WP_Error( 'autowebinar_unread', __( 'The webinar data could not be read. Please run the export again.', 'autowebinar' ) );
	}
	$data = array();
	foreach ( $found['sessions'] as $webinar => $fields ) {
		$fields = array( 'webinar_id' => (string) $webinar ) + $fields;
		$data[] = export_item( __( 'Webinar sessions', 'autowebinar' ), 'session', (string) $webinar, array_combine( array_map( fn( $field ) => labels()[ $field ] ?? $field, array_keys( $fields ) ), $fields ) );
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
	foreach ( $found['pending'] as $number => $event ) {
		$data[] = export_item(
			__( 'Pending webinar events', 'autowebinar' ),
			'pending',
			(string) $number,
			pending_event_fields( $event )
		);
	}
	return array(
		'data' => $data,
		'done' => true,
	);
}

/**
 * Returns the exported fields of a pending event.
 *
 * @param array $event A pending event from user_data().
 * @return string[] Values by name.
 */
function pending_event_fields( array $event ): array {
	$details = array(
		'client_webinar_registered'            => __( 'Source', 'autowebinar' ),
		'client_webinar_left'                  => __( 'Leave reason', 'autowebinar' ),
		'client_webinar_attendance_classified' => __( 'Attended', 'autowebinar' ),
	);
	$fields  = array(
		__( 'Event', 'autowebinar' )      => $event['type'],
		__( 'Webinar', 'autowebinar' )    => $event['webinar'],
		__( 'Time (UTC)', 'autowebinar' ) => $event['time'],
	);
	$more    = array(
		__( 'Session', 'autowebinar' ) => $event['session'],
		$details[ $event['type'] ] ?? __( 'Detail', 'autowebinar' ) => $event['detail'],
		__( 'Slot', 'autowebinar' )    => $event['slot'],
	);
	return $fields + array_filter( $more, 'strlen' );
}

/**
 * Returns an item of an export.
 *
 * @param string   $label  Label of the group.
 * @param string   $group  Id of the group.
 * @param string   $item   Id of the item within the group.
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
 * Registers the personal data eraser.
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
 * Erases the data of a person, including pending events. Delivered events must be
 * erased by their receivers.
 *
 * @param string $email Address of the person.
 */
function erase( string $email ): array {
	$failed = __( 'The webinar data could not be deleted. Please run the erasure again.', 'autowebinar' );
	$user   = find_user( $email );
	if ( ! $user ) {
		return erasure_result( 0, null === $user ? $failed : '' );
	}
	if ( ! lock( $user->ID ) ) {
		return erasure_result( 0, __( 'A webinar event of this person is being delivered. Please run the erasure again.', 'autowebinar' ) );
	}
	try {
		$removed = delete_rows( $user->ID );
	} finally {
		unlock( $user->ID );
	}
	return null === $removed ? erasure_result( 0, $failed ) : erasure_result( $removed );
}

/**
 * Returns the result of the eraser.
 *
 * @param int    $removed  Number of deleted rows.
 * @param string $retained Why data may be retained; empty if none is.
 */
function erasure_result( int $removed, string $retained = '' ): array {
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
 * Deletes the rows of a user.
 *
 * @param int  $user_id  User.
 * @param bool $orphaned Whether to delete them only if the user does not exist.
 * @return int|null Number of deleted rows; null if the query failed.
 */
function delete_rows( int $user_id, bool $orphaned = false ): ?int {
	global $wpdb;
	$condition = $orphaned ? " AND NOT EXISTS (SELECT 1 FROM {$wpdb->users} WHERE ID = {$user_id})" : '';
	// A single statement also deletes rows that the service renames meanwhile, and a
	// failed or outdated read of the users cannot be mistaken for a deleted user.
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
 * Deletes the rows that the service wrote while WordPress deleted a user. In a
 * network the user may only have left one site and still exist.
 *
 * @param int $user_id User.
 */
function delete_orphaned_rows( int $user_id ): void {
	delete_rows( $user_id, true );
}

/**
 * Renders the section on user profiles, for administrators.
 *
 * @param \WP_User $user User.
 */
function render_profile( $user ): void {
	if ( ! current_user_can( 'edit_users' ) ) {
		return;
	}
	$found = user_data( $user->ID );
	echo '<h2>' . esc_html__( 'AutoWebinar', 'autowebinar' ) . '</h2>';
	if ( null === $found ) {
		echo '<p>' . esc_html__( 'The webinar data of this user could not be read.', 'autowebinar' ) . '</p>';
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
		render_session( (string) $webinar, $session, $found['registered'][ $webinar ] ?? '' );
	}
	echo '</tbody></table>';
	$dead = count( array_filter( $found['pending'], fn( $event ) => $event['dead'] ) );
	/* translators: 1: number of pending events, 2: number of those that are no longer retried. */
	echo '<p>' . esc_html( sprintf( __( 'Pending events: %1$d, of which undeliverable: %2$d.', 'autowebinar' ), count( $found['pending'] ), $dead ) ) . '</p>';
}

/**
 * Renders a row of the table on the profile.
 *
 * @param string   $webinar    Webinar id.
 * @param string[] $session    Fields.
 * @param string   $registered Time of the registration in UTC, or empty.
 */
function render_session( string $webinar, array $session, string $registered ): void {
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
 * Formats a stored time in the time zone and format of the site, or returns a dash.
 *
 * @param string $stored YYYY-MM-DD HH:MM:SS in UTC.
 */
function local_time( string $stored ): string {
	$time = '' === $stored ? false : strtotime( $stored . ' UTC' );
	return false === $time ? '—' : (string) wp_date( get_option( 'date_format' ) . ' ' . get_option( 'time_format' ), $time );
}
