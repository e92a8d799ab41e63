package doctor

// Finding is the result of one check.
type Finding struct {
	Name   string `json:"name"`
	State  State  `json:"state"`
	Detail string `json:"detail"`           // what was seen
	Advice string `json:"advice,omitempty"` // what to do; empty for nothing
}

// State is the severity of a finding.
type State string

// The states. The service refuses to start with a fatal finding; other failures
// may be temporary. Unknown is what cannot be checked from here.
const (
	OK      State = "ok"
	Warn    State = "warn"
	Fail    State = "fail"
	Fatal   State = "fatal"
	Unknown State = "unknown"
)
