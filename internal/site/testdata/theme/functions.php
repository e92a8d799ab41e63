<?php
// Pages that call the REST API themselves load WordPress's own script for it.
add_action(
	'wp_enqueue_scripts',
	function () {
		wp_enqueue_script( 'wp-api-fetch' );
	}
);
