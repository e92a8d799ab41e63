// Package wordpress answers one question as WordPress itself would: who is
// asking. It promises to accept a logged_in cookie exactly when WordPress with
// the same salts and the same rows accepts it, to compute the same REST nonces,
// and to read WordPress's own configuration without executing any of it. It
// only reads the database, and only the users and usermeta tables.
//
// Sources, of WordPress 5.7 to 7.1: pluggable.php (wp_validate_auth_cookie,
// wp_salt, wp_verify_nonce), class-wp-user-meta-session-tokens.php and
// class-wpdb.php (parse_db_host); of the official image: wp-config-docker.php.
package wordpress
