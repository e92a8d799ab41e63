<?php
// Runs the code of the standard input inside WordPress and prints what it
// returns, as JSON: php run.php DOCROOT
$_SERVER['HTTP_HOST']      = getenv( 'SITE_HOST' );
$_SERVER['REQUEST_URI']    = '/';
$_SERVER['REQUEST_METHOD'] = 'GET';
require $argv[1] . '/wp-load.php';
echo json_encode( eval( stream_get_contents( STDIN ) ) );
