// Package webhook delivers events to the sink. It promises: every message of
// the queue is offered at least once, and each viewer's in the order of their
// rows; what the sink accepted is never skipped over, what it did not accept is
// never lost; a shutdown costs no attempt; and one viewer's trouble, or one bad
// message, never holds up the others.
//
// A message is sent by a turn: read the viewer's backlog, write that the first
// attempt at its head begins, so that no crash of the database can take back
// what was told, send the head, settle the answer. The Dispatcher decides whose
// turn it is, and keeps in memory only what the queue can tell it again:
//
//	poll, scan ──> agenda ──> turn ──> Queue.Begin, then Accept, Postpone or Bury
//	                  ^         │
//	                  └── sink <┘   up, ramping up, or probed one row at a time
//
// The sink is believed to be up or not. Up: many viewers in parallel, and a
// message that fails waits by its own schedule. Not up: one message at a time,
// at most 30 s apart, until one is answered; then all that waits is due at
// once, oldest first, one in flight at first and twice as many with each
// acceptance. A term begins by probing, so a restart offers all that waits.
// Probes go from row to row, by turns from the oldest and the newest end, so
// that bad messages cannot pass for a sink that is down.
//
// A message that has failed while others were accepted is blamed itself: it may
// take at most half of the places, and it does not speak against a sink that
// accepted something in the last 30 s.
//
// The wire format is Standard Webhooks (github.com/standard-webhooks).
package webhook
