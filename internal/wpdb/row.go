package wpdb

import "autowebinar/internal/webinar"

// Row is one row of the usermeta table.
type Row struct {
	ID    uint64         `db:"umeta_id"`
	User  webinar.UserID `db:"user_id"`
	Key   string         `db:"meta_key"`
	Value string         `db:"meta_value"`
}
