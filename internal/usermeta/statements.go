package usermeta

import "strings"

// statements are the SQL texts with the configured tables filled in.
//
// SYSDATE(), unlike UTC_TIMESTAMP(), is the time at which a row is read and not
// the time at which the statement began to wait for it; the connections run in
// UTC. The index is forced because the other one would lock the whole namespace.
type statements struct {
	lock, lockOwnRows        string
	read, users              string
	putHead, putTail, remove string
}

func newStatements(cfg Config) statements {
	const viewer = `
		SELECT m.umeta_id, m.user_id, m.meta_key, COALESCE(m.meta_value, '') AS meta_value,
		       SYSDATE() AS now, EXISTS (SELECT 1 FROM {users} u WHERE u.ID = m.user_id) AS user_exists
		FROM {usermeta} m FORCE INDEX (user_id)
		WHERE m.user_id IN (?) AND m.meta_key LIKE 'autowebinar\_%'`
	text := cfg.expandTables
	return statements{
		lock: text(viewer + " FOR UPDATE"),
		// DISTINCT keeps the inner query apart: it locks nothing. Rows are locked
		// by the index by which WordPress finds them, in its order.
		lockOwnRows: text(`
			SELECT m.umeta_id
			FROM (SELECT DISTINCT user_id, umeta_id FROM {usermeta} FORCE INDEX (user_id)
			      WHERE user_id IN (?) AND meta_key LIKE 'autowebinar\_%' ORDER BY user_id, umeta_id) own
			STRAIGHT_JOIN {usermeta} m FORCE INDEX (user_id) ON m.user_id = own.user_id AND m.umeta_id = own.umeta_id
			FOR UPDATE`),
		read:    text(viewer),
		users:   text("SELECT ID AS user_id, SYSDATE() AS now FROM {users} WHERE ID IN (?)"),
		putHead: text("INSERT INTO {usermeta} (umeta_id, user_id, meta_key, meta_value) VALUES"),
		putTail: " ON DUPLICATE KEY UPDATE meta_key = VALUES(meta_key), meta_value = VALUES(meta_value)",
		remove:  text("DELETE FROM {usermeta} WHERE umeta_id IN (?)"),
	}
}

// fill puts the table names into a statement.
func (c Config) expandTables(statement string) string {
	return strings.NewReplacer("{users}", "`"+c.UsersTable+"`", "{usermeta}", "`"+c.UsermetaTable+"`").Replace(statement)
}
