package wpdb

import "autowebinar/internal/webinar"

// Row is one row of the usermeta table.
type Row struct {
	ID    uint64         `db:"umeta_id"`
	User  webinar.UserID `db:"user_id"`
	Key   string         `db:"meta_key"`
	Value string         `db:"meta_value"`
}

// Account is what WordPress stores of a user for the login.
type Account struct {
	ID            webinar.UserID `db:"ID"`
	Login         string         `db:"user_login"`
	PasswordHash  string         `db:"user_pass"`
	SessionTokens []byte         `db:"session_tokens"` // serialized; nil if there is no row
}
