package usermeta

import "autowebinar/internal/wpdb"

// statements are the SQL texts with the configured table names.
//
// SYSDATE(), unlike UTC_TIMESTAMP(), is the time at which a row is read and not
// the time at which the statement began to wait for its lock; the connections
// run in UTC. The user_id index is forced because the meta_key index would lock
// every autowebinar_ row.
type statements struct {
	lockRows, lockOwnRows              string
	readRows, readUsers, readAccount   string
	upsertHead, upsertTail, deleteRows string
}

func newStatements(db *wpdb.DB) statements {
	const viewer = `
		SELECT m.umeta_id, m.user_id, m.meta_key, COALESCE(m.meta_value, '') AS meta_value,
		       SYSDATE() AS now, EXISTS (SELECT 1 FROM {users} u WHERE u.ID = m.user_id) AS user_exists
		FROM {usermeta} m FORCE INDEX (user_id)
		WHERE m.user_id IN (?) AND m.meta_key LIKE 'autowebinar\_%'`
	return statements{
		lockRows: db.Expand(viewer + " FOR UPDATE"),
		// DISTINCT makes the inner query a derived table, which locks nothing. Rows
		// are locked through the index, and in the order, that WordPress uses.
		lockOwnRows: db.Expand(`
			SELECT m.umeta_id
			FROM (SELECT DISTINCT user_id, umeta_id FROM {usermeta} FORCE INDEX (user_id)
			      WHERE user_id IN (?) AND meta_key LIKE 'autowebinar\_%' ORDER BY user_id, umeta_id) own
			STRAIGHT_JOIN {usermeta} m FORCE INDEX (user_id) ON m.user_id = own.user_id AND m.umeta_id = own.umeta_id
			FOR UPDATE`),
		readRows: db.Expand(viewer),
		// The columns of viewer without a key, for a row of each user who exists.
		readUsers: db.Expand("SELECT 0, ID, '', '', SYSDATE(), 1 FROM {users} WHERE ID IN (?)"),
		readAccount: db.Expand(`
			SELECT u.ID, u.user_login, u.user_pass,
			       (SELECT m.meta_value FROM {usermeta} m
			        WHERE m.user_id = u.ID AND m.meta_key = 'session_tokens' AND CAST(m.meta_key AS BINARY) = 'session_tokens'
			        ORDER BY m.umeta_id LIMIT 1) AS session_tokens
			FROM {users} u WHERE u.user_login = ? LIMIT 1`),
		upsertHead: db.Expand("INSERT INTO {usermeta} (umeta_id, user_id, meta_key, meta_value) VALUES"),
		upsertTail: " ON DUPLICATE KEY UPDATE meta_key = VALUES(meta_key), meta_value = VALUES(meta_value)",
		deleteRows: db.Expand("DELETE FROM {usermeta} WHERE umeta_id IN (?)"),
	}
}
