#!/usr/bin/env php
define('DB_NAME', 'outside of PHP');
<?php
declare(strict_types=1);

# define('DB_NAME', 'old');
// define('DB_NAME', 'older'); ?> define('DB_NAME', 'text'); <?php
/* define('DB_NAME', 'oldest'); */
DEFINE("DB_NAME", 'site', false);
define('DB_NAME', 'ignored');
define( 'DB_USER' , /* who */ 'o\'brien\\n' ) ;
define('DB_PASSWORD', "p\$w\"\x41\101\u{44f}\\ \q$ 5");
@define('DB_HOST', 'localhost:/run/mysqld/mysqld.sock');
const DB_CHARSET = "utf8mb4";

$sql = <<<SQL
define('COOKIEHASH', 'in a heredoc');
  SQLITE is not the end
  SQL;
$text = <<<'EOT'
' " define('COOKIEHASH', 'in a nowdoc'); /*
EOT;

class Settings {
	const COOKIEHASH = 'of a class';
	public function define($name, $value) { return "{$name} = $value"; }
}
$settings->define('COOKIEHASH', 'by a method');
Settings::define('COOKIEHASH', 'by a static method');

if ( ! defined( 'LOGGED_IN_COOKIE' ) ) {
	define( 'LOGGED_IN_COOKIE', 'my_login' );
}
defined('CUSTOM_USER_TABLE') or define('CUSTOM_USER_TABLE', 'shared_users');
\defined('CUSTOM_USER_META_TABLE') || \define('CUSTOM_USER_META_TABLE', 'shared_usermeta');
add_filter('x', function ($y) { if ($y) { return ';'; } });
define('MULTISITE', true);
define('WP_SITEURL', false);
define('MYSQL_CLIENT_FLAGS', 2048);

define('AUTH_KEY', 'a' . 'b');
define('AUTH_SALT', "price: $amount");
define('NONCE_KEY', $_ENV['NONCE_KEY'] ?? 'x');
define('NONCE_SALT', getenv('NONCE_SALT') ?: 'x');
define('LOGGED_IN_KEY', getenv('LI_KEY'));
define('LOGGED_IN_SALT', getenv_docker('LI' . '_SALT', 'x'));
if ( $staging ) {
	define('SECURE_AUTH_KEY', 'staging');
} else {
	define('SECURE_AUTH_KEY', 'production');
}
if ( $staging ) :
	$x = 1;
	define('SECURE_AUTH_SALT', 'staging');
else :
	$x = 2;
	define('SECURE_AUTH_SALT', 'production');
endif;
$table_prefix = 'wp_';
$table_prefix = 'aw_';
define('DB_COLLATE', <<<EOT
utf8mb4_bin
EOT);
__halt_compiler();
define('COOKIEHASH', 'after the end');
