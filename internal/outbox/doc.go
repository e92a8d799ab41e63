// Package outbox is the queue of committed events in the usermeta table. An event
// is one row of its viewer, inserted by the transaction that changed the session,
// and deleted once the receiver has accepted the event.
//
// A message is due (to be sent at once), deferred (to be tried again later, or
// behind such a message of the same viewer) or dead (given up; an operator may
// retry it). The meta key of its row says which. The order of a viewer's messages
// is the order of their row ids.
package outbox
