<?php
// Installs WordPress in an empty database: php setup.php DOCROOT
$_SERVER['HTTP_HOST'] = parse_url(getenv('BENCH_URL'), PHP_URL_HOST) . ':' . parse_url(getenv('BENCH_URL'), PHP_URL_PORT);
$_SERVER['REQUEST_URI'] = '/';
define('WP_INSTALLING', true);
function wp_new_blog_notification() {}
require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('bench', 'admin', 'admin@example.test', true, '', 'not used');
update_option('permalink_structure', '/%postname%/');
switch_theme('bench');
echo 'installed: WordPress ', $GLOBALS['wp_version'], ', PHP ', PHP_VERSION, "\n";
