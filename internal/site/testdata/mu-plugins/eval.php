<?php
/**
 * Runs the PHP code that a test posts.
 */

add_action(
	'wp_loaded',
	function () {
		if ( defined( 'SITE_EVAL' ) && SITE_EVAL === ( $_SERVER['HTTP_SITE_EVAL'] ?? '' ) ) {
			header( 'Content-Type: application/json' );
			echo json_encode( eval( file_get_contents( 'php://input' ) ) );
			exit;
		}
	}
);
