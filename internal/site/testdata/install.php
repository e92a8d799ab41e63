<?php
// Installs WordPress into an empty database: php install.php DOCROOT PASSWORD
$_SERVER['HTTP_HOST'] = getenv( 'SITE_HOST' );
$_SERVER['REQUEST_URI'] = '/';
define( 'WP_INSTALLING', true );
function wp_new_blog_notification() {}
require $argv[1] . '/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install( 'A site', 'admin', 'admin@example.test', true, '', wp_slash( $argv[2] ) );
switch_theme( 'site' );
update_option( 'admin_email_lifespan', time() + YEAR_IN_SECONDS ); // otherwise the first login shows a form for it
update_option( 'show_avatars', false ); // they are loaded from another host
