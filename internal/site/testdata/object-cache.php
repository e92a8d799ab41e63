<?php
/**
 * A persistent object cache for tests: it keeps the group user_meta in files and
 * the other groups for the duration of the request.
 */

$site_cache = array();

function site_cache_file( $key, $group ) {
	return 'user_meta' === $group ? WP_CONTENT_DIR . '/cached-' . md5( $key ) : null;
}
function wp_cache_init() {}
function wp_cache_get( $key, $group = '', $force = false, &$found = null ) {
	global $site_cache;
	$group = $group ? $group : 'default';
	$file  = site_cache_file( $key, $group );
	if ( $file && file_exists( $file ) ) {
		$found = true;
		return unserialize( file_get_contents( $file ) );
	}
	$found = isset( $site_cache[ $group ][ $key ] );
	return $found ? unserialize( $site_cache[ $group ][ $key ] ) : false;
}
function wp_cache_set( $key, $data, $group = '', $expire = 0 ) {
	global $site_cache;
	$group = $group ? $group : 'default';
	$file  = site_cache_file( $key, $group );
	if ( $file ) {
		file_put_contents( $file, serialize( $data ), LOCK_EX );
	} else {
		$site_cache[ $group ][ $key ] = serialize( $data );
	}
	return true;
}
function wp_cache_has( $key, $group ) {
	wp_cache_get( $key, $group, false, $found );
	return $found;
}
function wp_cache_add( $key, $data, $group = '', $expire = 0 ) {
	return ! wp_cache_has( $key, $group ) && wp_cache_set( $key, $data, $group );
}
function wp_cache_replace( $key, $data, $group = '', $expire = 0 ) {
	return wp_cache_has( $key, $group ) && wp_cache_set( $key, $data, $group );
}
function wp_cache_delete( $key, $group = '' ) {
	global $site_cache;
	$group = $group ? $group : 'default';
	$had   = wp_cache_has( $key, $group );
	$file  = site_cache_file( $key, $group );
	if ( $file && file_exists( $file ) ) {
		unlink( $file );
	}
	unset( $site_cache[ $group ][ $key ] );
	return $had;
}
function wp_cache_incr( $key, $offset = 1, $group = '' ) {
	$value = (int) wp_cache_get( $key, $group ) + $offset;
	wp_cache_set( $key, $value, $group );
	return $value;
}
function wp_cache_decr( $key, $offset = 1, $group = '' ) {
	return wp_cache_incr( $key, -$offset, $group );
}
function wp_cache_flush() {
	array_map( 'unlink', glob( WP_CONTENT_DIR . '/cached-*' ) );
	$GLOBALS['site_cache'] = array();
	return true;
}
function wp_cache_close() {
	return true;
}
function wp_cache_add_global_groups( $groups ) {}
function wp_cache_add_non_persistent_groups( $groups ) {}
function wp_cache_switch_to_blog( $id ) {}
