<?php
/**
 * Listeners as a site may have them: one for each event, and one that routes
 * viewers by attendance. They record their calls in a file.
 */

function site_record( $name, $payload, $meta ) {
	$broken = WP_CONTENT_DIR . '/broken-' . ( $meta['user_id'] ?? '' );
	switch ( file_exists( $broken ) ? file_get_contents( $broken ) : '' ) {
		case 'exit':
			exit;
		case 'throw':
			throw new RuntimeException( 'this listener does not work' );
		case 'delete':
			require_once ABSPATH . 'wp-admin/includes/user.php';
			wp_delete_user( $meta['user_id'] );
	}
	$line = json_encode( array( 'action' => $name, 'payload' => $payload, 'meta' => $meta ) ) . "\n";
	file_put_contents( WP_CONTENT_DIR . '/actions.jsonl', $line, FILE_APPEND | LOCK_EX );
}

foreach ( array( 'registered', 'entered', 'left', 'completed', 'form_submitted', 'attendance_classified' ) as $site_name ) {
	add_action(
		'client_webinar_' . $site_name,
		function ( $payload, $meta ) use ( $site_name ) {
			site_record( 'client_webinar_' . $site_name, $payload, $meta );
		},
		10,
		2
	);
}

// This listener accepts one argument, as the default is.
add_action(
	'client_webinar_attendance_classified',
	function ( $payload ) {
		do_action( 'post_webinar_route', $payload['attended'] ? 'attended' : 'not_attended', $payload );
	}
);
add_action(
	'post_webinar_route',
	function ( $status, $payload ) {
		site_record( 'post_webinar_route', $payload, array( 'status' => $status ) );
	},
	10,
	2
);
