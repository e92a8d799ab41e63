// Package failpoint names points at which the service can be made to violate a
// guarantee, so that the tests can show that they would detect it. A binary has
// failpoints only if it is built with the tag failpoints; otherwise Enabled is
// constantly false, and the compiler removes what depends on it.
//
// The environment variable FAILPOINT of a process enables one failpoint.
package failpoint

// Env is the environment variable that enables a failpoint by its name.
const Env = "FAILPOINT"

// Name is the name of a failpoint.
type Name string

const (
	SkipOutbox         Name = "events are not written to the outbox"
	LoseParkedRow      Name = "a row is lost when a session is parked"
	LoseExit           Name = "the time of an exit is not written"
	AckBeforeCommit    Name = "requests are acknowledged before the commit"
	SkipRowLocks       Name = "rows are written without locks"
	LeadWithoutLock    Name = "every replica is the leader"
	LeadOnce           Name = "a replica becomes the leader only once"
	NewestFirst        Name = "the newest event of a viewer is delivered first"
	SwapEvaluations    Name = "two evaluations of a viewer are swapped"
	AcceptServerErrors Name = "a response with 500 counts as accepted"
	NewWebhookID       Name = "each attempt has a new webhook id"
	AttemptTime        Name = "an event has the time of its attempt"
	EvaluateAbsent     Name = "everyone is evaluated as absent"
	AckLostForms       Name = "forms are acknowledged that were not delivered"
)

// All returns the names of all failpoints.
func All() []Name {
	return []Name{
		SkipOutbox, LoseParkedRow, LoseExit, AckBeforeCommit, SkipRowLocks, LeadWithoutLock, LeadOnce, NewestFirst,
		SwapEvaluations, AcceptServerErrors, NewWebhookID, AttemptTime, EvaluateAbsent, AckLostForms,
	}
}
