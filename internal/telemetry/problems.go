package telemetry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Level is how bad something is.
type Level int

// The levels, from good to bad.
const (
	OK       Level = iota // nothing to do
	Warning               // somebody should look
	Critical              // viewers or the scenario engine suffer, or are about to
)

// MarshalText says it in a word.
func (l Level) MarshalText() ([]byte, error) {
	return []byte([...]string{"well", "warning", "trouble"}[l]), nil
}

// Problem is one thing that is wrong, in words for an operator.
type Problem struct {
	Level   Level  `json:"level"`
	Summary string `json:"what"`
	Action  string `json:"do"`
}

// From when on things count as wrong.
const (
	unledLong  = 10 * time.Second
	lateEvents = time.Minute
	lastMinute = 60 // samples
)

// problems says what is wrong, the worst first.
func problems(s Status) []Problem {
	list := []Problem{}
	for _, find := range []func(Status) []Problem{unready, overload, faults, logins, undelivered, held, given} {
		list = append(list, find(s)...)
	}
	slices.SortStableFunc(list, func(a, b Problem) int { return cmp.Compare(b.Level, a.Level) })
	return list
}

func unready(s Status) []Problem {
	var list []Problem
	for _, name := range slices.Sorted(maps.Keys(s.Readiness.Checks)) {
		check := s.Readiness.Checks[name]
		switch {
		case check.State == StateOK:
		case name == "database":
			list = append(list, Problem{Critical, "The database cannot be used: " + trimErrorPrefix(check.Reason) + ".",
				"Viewers are told to try again, and their players do; nothing stored is lost. Bring the database back, or see autowebinar check for what is missing."})
		case name == "running":
			list = append(list, Problem{Warning, "This replica is stopping.", "Nothing: it takes no new viewers and ends within ten seconds."})
		default:
			list = append(list, Problem{Critical, "Not ready, " + name + ": " + check.Reason + ".", "Until it is mended this replica gets no viewers."})
		}
	}
	return list
}

// plain leaves out which package an error comes from.
func trimErrorPrefix(reason string) string {
	return strings.TrimPrefix(strings.TrimPrefix(reason, "usermeta: "), "database unavailable: ")
}

func overload(s Status) []Problem {
	refused := sum(s.History, func(h Sample) int { return h.Refused })
	if refused == 0 && s.Queue.Queued*4 < s.Queue.Capacity {
		return nil
	}
	return []Problem{{Critical, fmt.Sprintf("The database cannot keep up: %d changes wait, %d were turned away in the last minute.", s.Queue.Queued, refused),
		"Look at the database's disk and locks. Players repeat what was turned away, so it comes again."}}
}

func faults(s Status) []Problem {
	failures := sum(s.History, func(h Sample) int { return h.Failures })
	if failures == 0 {
		return nil
	}
	return []Problem{{Critical, fmt.Sprintf("%s failed in the last minute, for a reason that was not foreseen.", count(failures, "request")),
		"Find the log lines of level ERROR: they hold the cause and the request id that the viewer got."}}
}

func logins(s Status) []Problem {
	if s.Viewing.LoginsOff == "" {
		return nil
	}
	return []Problem{{Critical, "WordPress logins are off: " + s.Viewing.LoginsOff + ".",
		"Give this service the same eight keys and salts as WordPress; until then only tokens and service keys work."}}
}

// undelivered is what is wrong with sending.
func undelivered(s Status) []Problem {
	d, o := s.Delivery, s.Outbox
	if d.NoReceiver {
		return []Problem{{Warning, "There is no sink: no event is stored or sent.", "Set AUTOWEBINAR_WEBHOOK_URL, unless this is what you want."}}
	}
	if o == nil {
		return nil
	}
	unsent, age := o.Due+o.Deferred, time.Duration(s.Age*float64(time.Second))
	late := age > lateEvents
	nothingLost := fmt.Sprintf("Nothing is lost: %s in the outbox, the oldest for %s, and all go out once it answers.", waits(unsent), humanize(age))
	switch {
	case o.At.IsZero() && o.Error != "":
		return nil // the database's own problem says so
	case unsent > 0 && !d.IsLeader && d.Off == "" && !o.UnledSince.IsZero() && s.At.Sub(o.UnledSince) > unledLong:
		return []Problem{{Critical, "No replica sends events.",
			"One with AUTOWEBINAR_DISPATCH=auto must run and reach the database; GET_LOCK must work there (autowebinar check)."}}
	case d.IsLeader && d.ReceiverKnown && !d.ReceiverUp && unsent > 0:
		return []Problem{{Critical, "The sink does not take events" + sinkError(s) + ".", "Bring it back, or correct AUTOWEBINAR_WEBHOOK_URL. " + nothingLost}}
	case late && !d.IsLeader:
		return []Problem{{Warning, fmt.Sprintf("%s in the outbox, the oldest for %s.", waits(unsent), humanize(age)),
			"Another replica sends: look at its status page for the sink's answers."}}
	case late:
		return []Problem{{Warning, fmt.Sprintf("%s in the outbox, the oldest for %s%s.", waits(unsent), humanize(age), lastError(s)),
			unsentAdvice(s)}}
	}
	return nil
}

func unsentAdvice(s Status) string {
	switch {
	case len(s.Mishaps) > 0 && s.Mishaps[0].Outcome == noLead:
		return "Events wait for a lead id: see that the CRM writes the user meta key named by AUTOWEBINAR_LEAD_META_KEY."
	case s.Outbox.UnsupportedVersion > 0:
		return "Some may stand behind events of another version: autowebinar outbox list shows them."
	case !s.Delivery.ReceiverKnown:
		return "Since this replica leads nothing was tried, or one viewer's events only: autowebinar outbox list says what waits, why, and until when."
	}
	return "The sink takes other events: find out what it has against these (autowebinar outbox list)."
}

// held is what waits for another build.
func held(s Status) []Problem {
	if s.Outbox == nil || s.Outbox.UnsupportedVersion == 0 {
		return nil
	}
	return []Problem{{Warning, count(s.Outbox.UnsupportedVersion, "event") + " in the outbox cannot be read by this version.",
		"Another version wrote them, and they hold their viewers' later events: run that version or a newer one; autowebinar outbox list shows them."}}
}

func given(s Status) []Problem {
	if s.Outbox == nil || s.Outbox.Dead == 0 {
		return nil
	}
	return []Problem{{Warning, count(s.Outbox.Dead, "dead event") + ": all attempts were used up, or the row cannot be read.",
		"Decide: autowebinar outbox list, then outbox retry once the cause is mended, or outbox drop."}}
}

// noLead is the outcome that says nothing about the sink: nothing was sent.
const noLead = "no_lead"

// lastError is why the latest attempt failed, in brackets.
func lastError(s Status) string {
	if len(s.Mishaps) == 0 {
		return ""
	}
	return " (" + s.Mishaps[0].Error + ")"
}

// sinkError is the latest reason of the sink, in brackets.
func sinkError(s Status) string {
	s.Mishaps = slices.DeleteFunc(slices.Clone(s.Mishaps), func(m DeliveryError) bool { return m.Outcome == noLead })
	return lastError(s)
}

// sum adds up the last minute.
func sum(history []Sample, of func(Sample) int) (total int) {
	for _, h := range history[max(0, len(history)-lastMinute):] {
		total += of(h)
	}
	return total
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func waits(n int) string {
	if n == 1 {
		return "1 event waits"
	}
	return fmt.Sprintf("%d events wait", n)
}

// rounded is a duration in the unit that matters.
func humanize(d time.Duration) string {
	switch {
	case d < time.Minute:
		return count(int(d/time.Second), "second")
	case d < 2*time.Hour:
		return count(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return count(int(d/time.Hour), "hour")
	}
	return count(int(d/(24*time.Hour)), "day")
}
