<?php
// Loads wp.apiFetch, as pages that call the REST API do.
add_action(
	'wp_enqueue_scripts',
	function () {
		wp_enqueue_script( 'wp-api-fetch' );
	}
);
