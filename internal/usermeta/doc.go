// Package usermeta keeps viewers' sessions and the outbox in WordPress's
// usermeta table. It promises one row per key, no lost update and no event
// without its state, with any number of replicas, tabs and retries, and it
// writes nothing but rows whose key begins "autowebinar_".
//
// The one way to change anything is Store.Change: it locks and loads a viewer,
// calls a function of the domain, and writes the rows that differ together with
// one outbox row an event, in one commit. What is serialised by what:
//
//   - A viewer who has a session: the locking read of their rows. Every change
//     reads all of them, and a session's rows are never removed, only renamed.
//   - A viewer who has none: a named lock of the server, taken before the
//     transaction and released after it, because there is no row to lock
//     (a gap lock would stall WordPress).
//
// Changes that wait at the same time share a commit (lane.go, commit.go). A lane
// waits for nobody's lock: a viewer whose rows somebody else holds is worked on
// beside it (straggler.go).
//
// An operator's commands go beside it: Outbox.Retry and Outbox.Drop change rows
// of the queue by primary key, guarded by what was read; Store.Purge deletes a
// viewer's rows under both of the viewer's locks, so that a change finds all of
// them or none.
//
// Everything runs at READ COMMITTED. Times are the database's, in UTC and whole
// seconds. Duplicate rows, foreign and damaged values are read as WordPress
// would read them: the lowest umeta_id counts, what cannot be parsed is absent.
package usermeta
