// Package wpdb opens the database that WordPress uses, with the session settings
// that the service relies on, and tells its errors apart.
package wpdb
