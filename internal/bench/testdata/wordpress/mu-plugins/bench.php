<?php
// What a plugin would do without the service: store a report of a logged-in
// viewer under the same meta keys.
add_action('rest_api_init', function () {
	register_rest_route('bench/v1', '/progress', array(
		'methods'             => 'POST',
		'permission_callback' => 'is_user_logged_in',
		'args'                => array('position_sec' => array('required' => true, 'type' => 'integer', 'minimum' => 0)),
		'callback'            => function ($request) {
			$user = get_current_user_id();
			$position = (int) $request['position_sec'];
			update_user_meta($user, 'autowebinar_last_position_sec', $position);
			update_user_meta($user, 'autowebinar_progress_percent', 0);
			update_user_meta($user, 'autowebinar_last_seen_at', current_time('mysql', true));
			return array('last_position_sec' => $position, 'progress_percent' => 0);
		},
	));
});
