// Package wordpress identifies the WordPress user of a request by the same
// rules as WordPress, and reads WordPress's configuration.
//
// It guarantees:
//
//   - [Logins.Verify] accepts a logged_in cookie exactly when WordPress with the
//     same salts and the same rows accepts it. A result may come from a cache,
//     so a logout takes effect within 30 s.
//   - [Logins.Nonce] and [Logins.CheckNonce] compute the same REST nonces.
//   - [ParseConfig] reads a wp-config.php without running any PHP. A value that
//     only PHP could compute is reported, never guessed.
//   - Secrets stay secret: printing a [Login] or [Salts] in any format shows no
//     token and no salt, and errors never quote them.
//   - The database is only read, and only the users and usermeta tables.
//
// The rules follow WordPress 5.7 to 7.1: pluggable.php (wp_validate_auth_cookie,
// wp_salt, wp_verify_nonce), class-wp-user-meta-session-tokens.php and
// class-wpdb.php (parse_db_host), and wp-config-docker.php of the official image.
package wordpress
