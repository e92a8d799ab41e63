<?php
// Runs the code of the standard input in WordPress and prints its result as
// JSON: php run.php DOCROOT
$_SERVER['HTTP_HOST']      = getenv( 'SITE_HOST' );
$_SERVER['REQUEST_URI']    = '/';
$_SERVER['REQUEST_METHOD'] = 'GET';
require $argv[1] . '/wp-load.php';
echo json_encode( eval( stream_get_contents( STDIN ) ) );
