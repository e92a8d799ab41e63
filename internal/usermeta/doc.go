// Package usermeta stores viewers' sessions in WordPress's usermeta table. It
// keeps one row for each key, loses no update and stores no event without its
// state, with any number of replicas, tabs and retries. It writes only rows whose
// key begins with "autowebinar_".
//
// Store.Change is the way to change a viewer: it locks and loads the viewer's
// rows, runs a command, which is a pure function, and writes the rows that differ
// together with one outbox row for each event. The lock that serializes the
// changes of a viewer depends on whether there is a session:
//
//   - With a session, the locking read of its rows. Every change reads all rows of
//     the viewer, and rows of a session are renamed but not deleted.
//   - Without one, a named lock of the server, taken before the transaction and
//     released after it, since there is no row to lock and a gap lock would delay
//     WordPress.
//
// Changes that wait at the same time share a commit (commit.go). A commit does
// not wait for locks: a viewer whose rows another transaction has locked is
// committed separately (lockwait.go).
//
// Store.Purge deletes a viewer's rows under both kinds of lock, so that a change
// finds all rows or none.
//
// Everything runs at READ COMMITTED. Times are the database's, in UTC and whole
// seconds. Duplicate rows and values that another program wrote are read as
// WordPress would read them: the lowest umeta_id counts, and a value that cannot
// be parsed counts as absent.
package usermeta
