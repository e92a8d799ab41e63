// Package config loads and validates the settings of the service.
//
// Settings are environment variables. The database and the salts have the names
// that the official WordPress image uses, so that both containers can share
// them; all other names begin with AUTOWEBINAR_. Each variable X may be given as
// X_FILE, the path of a file that contains the value. Some values may also come
// from a wp-config.php. [Reference] lists all settings.
//
// The package guarantees:
//
//   - [Load] returns either a Config whose values are all valid, or all
//     [Problems] at once, each with the name of its variable. Misspelled names
//     are problems too.
//   - No secret is shown: not by printing, logging or encoding a [Config], and
//     not in a [Problem] or a [Setting].
package config
