package telemetry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"autowebinar/internal/doctor"
	"autowebinar/internal/text"
	"autowebinar/internal/webhook"
	"autowebinar/internal/wpdb"
)

// Level is the severity of a problem.
type Level int

// The levels, in ascending severity.
const (
	OK       Level = iota // no action needed
	Warning               // an operator should look into it
	Critical              // viewers or the receiver are affected, or will be soon
)

// MarshalText returns the level's name in JSON.
func (l Level) MarshalText() ([]byte, error) {
	return []byte([...]string{"ok", "warning", "critical"}[l]), nil
}

// Problem is a problem and what an operator can do about it.
type Problem struct {
	Level   Level  `json:"level"`
	Summary string `json:"summary"`
	Action  string `json:"action"`
}

// Thresholds of the problems.
const (
	maxTimeWithoutLeader = 10 * time.Second
	maxEventAge          = time.Minute
	recentSamples        = 60 // the last minute
)

// problems returns the problems of a status, the most severe first.
func problems(s Status) []Problem {
	list := []Problem{}
	for _, find := range []func(Status) []Problem{
		failedChecks, overload, serverErrors, loginsDisabled, delivery, unsupportedEvents, deadEvents,
	} {
		list = append(list, find(s)...)
	}
	slices.SortStableFunc(list, func(a, b Problem) int { return cmp.Compare(b.Level, a.Level) })
	return list
}

func failedChecks(s Status) []Problem {
	var list []Problem
	for _, name := range slices.Sorted(maps.Keys(s.Readiness.Checks)) {
		check := s.Readiness.Checks[name]
		switch {
		case check.State == StateOK:
		case name == "database":
			list = append(list, Problem{Critical, "Database unavailable: " + strings.TrimPrefix(check.Reason, wpdb.ErrUnavailable.Error()+": ") + ".",
				"Clients receive 503 and retry; no stored data is lost. Restore the database, or run autowebinar check to see what is missing."})
		case name == "running":
			list = append(list, Problem{Warning, "This replica is shutting down.", "No action needed. It accepts no new viewers and stops within ten seconds."})
		default:
			list = append(list, Problem{Critical, "Check " + name + " failed: " + check.Reason + ".", "This replica receives no traffic until the check passes."})
		}
	}
	return list
}

func overload(s Status) []Problem {
	rejected := sumRecent(s.History, func(h Sample) int { return h.Rejected })
	if rejected == 0 && s.Queue.Queued*4 < s.Queue.Capacity {
		return nil
	}
	return []Problem{{Critical, fmt.Sprintf("Database overloaded: %d changes queued, %d rejected in the last minute.", s.Queue.Queued, rejected),
		"Check the database's disk and locks. Players retry rejected changes, so the load will return."}}
}

func serverErrors(s Status) []Problem {
	n := sumRecent(s.History, func(h Sample) int { return h.ServerErrors })
	if n == 0 {
		return nil
	}
	return []Problem{{Critical, text.Count(n, "request") + " failed with an internal error in the last minute.",
		"See the log entries of level ERROR. They contain the cause and the request ID that the client received."}}
}

func loginsDisabled(s Status) []Problem {
	if s.Salts.State == doctor.OK {
		return nil
	}
	return []Problem{{Critical, "WordPress logins disabled: " + s.Salts.Detail + ".", sentence(s.Salts.Advice)}}
}

func delivery(s Status) []Problem {
	d, o := s.Delivery, s.Outbox
	if o == nil {
		return []Problem{{Warning, "No receiver configured: events are neither stored nor sent.", "Set AUTOWEBINAR_WEBHOOK_URL unless this is intended."}}
	}
	if o.At.IsZero() && o.Error != "" { // reported by the database check
		return nil
	}
	undelivered, age := o.Due+o.Deferred, time.Duration(s.OldestAge*float64(time.Second))
	pending := fmt.Sprintf("%s pending, the oldest for %s", text.Count(undelivered, "event"), humanize(age))
	switch {
	case undelivered > 0 && !d.Running && s.DeliveryDisabled == "" && !o.NoLeaderSince.IsZero() && s.At.Sub(o.NoLeaderSince) > maxTimeWithoutLeader:
		return []Problem{{Critical, "No replica is delivering events.",
			"At least one replica with AUTOWEBINAR_DISPATCH=auto must run and reach the database, and GET_LOCK must work there (autowebinar check)."}}
	case d.Running && d.ReceiverKnown && !d.ReceiverUp && undelivered > 0:
		return []Problem{{Critical, "The receiver is not accepting events" + lastReceiverError(s.RecentErrors) + ".",
			"Restore it, or correct AUTOWEBINAR_WEBHOOK_URL. No events are lost: " + pending + ". They are sent when the receiver recovers."}}
	case age > maxEventAge && !d.Running:
		return []Problem{{Warning, pending + ".", "Another replica is the leader. Its status page shows the receiver's responses."}}
	case age > maxEventAge:
		return []Problem{{Warning, pending + lastError(s.RecentErrors) + ".", pendingAction(s)}}
	}
	return nil
}

func pendingAction(s Status) string {
	switch {
	case len(s.RecentErrors) > 0 && s.RecentErrors[0].Outcome == webhook.NoPayload:
		return "A lead ID is missing: check that the CRM writes the user meta key named by AUTOWEBINAR_LEAD_META_KEY."
	case s.Outbox.UnsupportedVersion > 0:
		return "Events of another version may be blocking them: see autowebinar outbox list."
	case !s.Delivery.ReceiverKnown:
		return "This replica has attempted only one viewer's events, or none, since it became the leader. See autowebinar outbox list for the reason and the next attempt."
	}
	return "The receiver accepts other events. Check why it rejects these: see autowebinar outbox list."
}

func unsupportedEvents(s Status) []Problem {
	if s.Outbox == nil || s.Outbox.UnsupportedVersion == 0 {
		return nil
	}
	return []Problem{{Warning, text.Count(s.Outbox.UnsupportedVersion, "event") + " in the outbox cannot be read by this version.",
		"Another version wrote them, and they block later events of their viewers. Run that version or a newer one. autowebinar outbox list shows them."}}
}

func deadEvents(s Status) []Problem {
	if s.Outbox == nil || s.Outbox.Dead == 0 {
		return nil
	}
	return []Problem{{Warning, text.Count(s.Outbox.Dead, "dead event") + ": retries exhausted, or the row is corrupt.",
		"See autowebinar outbox list, then run outbox retry once the cause is fixed, or outbox drop."}}
}

// lastError returns the latest error in parentheses, empty if there is none.
func lastError(errors []DeliveryError) string {
	if len(errors) == 0 {
		return ""
	}
	return " (" + errors[0].Error + ")"
}

// lastReceiverError is lastError without the attempts that sent nothing.
func lastReceiverError(errors []DeliveryError) string {
	return lastError(slices.DeleteFunc(slices.Clone(errors), func(e DeliveryError) bool { return e.Outcome == webhook.NoPayload }))
}

// sentence returns the text of a finding as a sentence.
func sentence(s string) string {
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func sumRecent(history []Sample, value func(Sample) int) (sum int) {
	for _, sample := range history[max(0, len(history)-recentSamples):] {
		sum += value(sample)
	}
	return sum
}

// humanize formats a duration in its largest useful unit.
func humanize(d time.Duration) string {
	switch {
	case d < time.Minute:
		return text.Count(int(d/time.Second), "second")
	case d < 2*time.Hour:
		return text.Count(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return text.Count(int(d/time.Hour), "hour")
	}
	return text.Count(int(d/(24*time.Hour)), "day")
}
