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

// The states. The service does not start with a fatal finding; other failures
// may be temporary. Unknown means that the check is not possible from this
// machine.
const (
	OK      State = "ok"
	Warn    State = "warn"
	Fail    State = "fail"
	Fatal   State = "fatal"
	Unknown State = "unknown"
)
