package usermeta

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)

var (
	genRules   = webinar.Rules{Heartbeat: 10, Durations: map[webinar.ID]int64{"a": 1000, "b": 1000, "c": 1000}}
	webinarIDs = []webinar.ID{"a", "b", "c"}
)

// drawRows draws rows as a WordPress table may contain them: sessions, rows
// without a session id, duplicates, damaged values and rows of other programs.
func drawRows(t *rapid.T) []row {
	var rows []row
	add := func(key, value string) { rows = append(rows, row{User: 7, Key: key, Value: value}) }
	for _, slot := range []webinar.ID{"", "a", "b", "c"} {
		kind := rapid.SampledFrom([]string{"none", "session", "session", "php", "no session id"}).Draw(t, "slot "+string(slot))
		if kind == "none" {
			continue
		}
		for _, base := range sessionKeys {
			present := base == keySessionID && kind != "no session id" ||
				base == keyWebinarID && kind == "session" && rapid.IntRange(0, 9).Draw(t, "named") > 0 ||
				base != keySessionID && base != keyWebinarID && rapid.Bool().Draw(t, base)
			for present {
				add(joinKey(base, slot), drawValue(t, base, slot))
				present = rapid.IntRange(0, 5).Draw(t, "duplicate") == 0
			}
		}
	}
	for _, id := range webinarIDs {
		for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "registered") {
			add(joinKey(keyRegistered, id), drawValue(t, keyRegistered, id))
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "others") {
		key := rapid.SampledFrom([]string{
			outbox.KeyDue, outbox.KeyDeferred, outbox.KeyDead, strings.ToUpper(outbox.KeyDue),
			"Autowebinar_session_id", "autowebinar_SESSION_ID@a", "autowebinar_session_id@", "autowebinar_session_id@B",
			"autowebinar_session_id@a@b", "autowebinar_completed ", keyRegistered, keyRegistered + "@No",
			outbox.KeyDue + "@a", namespace, "autowebinar_of_another_plugin",
		}).Draw(t, "other key")
		add(key, rapid.SampledFrom([]string{"x", "", "2|x", drawPending(t)}).Draw(t, "other value"))
	}
	ids := rapid.Permutation(numbers(len(rows))).Draw(t, "ids")
	for i := range rows {
		rows[i].ID = ids[i]
	}
	return rows
}

func numbers(n int) []uint64 {
	ids := make([]uint64, n)
	for i := range ids {
		ids[i] = uint64(i + 1)
	}
	return ids
}

func drawValue(t *rapid.T, base string, slot webinar.ID) string {
	var values []string
	switch base {
	case keySessionID:
		values = []string{"s" + string(slot), "s" + string(slot), "s" + string(slot), "sx", ""}
	case keyWebinarID:
		values = []string{string(slot), "a", "b", "c", "", "No Such Id"}
		if slot != "" {
			values = []string{string(slot), string(slot), string(slot), "a", "", "No Such Id"}
		}
	case keyLastPosition, keyFurthest:
		values = []string{"0", "10", "400", "999", "12.7", " 7", "-5", "", "1e9", "many"}
	case keyPercent:
		values = []string{"0", "25", "50", "100", "60", "101", "", "half"}
	case keyCompleted:
		values = []string{"1", "0", "", "true"}
	default:
		values = []string{"2026-01-02 03:04:05", "2026-01-02T05:04:05+02:00", "1767323045", "2027-01-01 00:00:00", "", "0", "yesterday", "0000-00-00 00:00:00"}
	}
	return rapid.SampledFrom(values).Draw(t, base)
}

// drawPending draws the outbox value of an event that a command may emit again.
func drawPending(t *rapid.T) string {
	event := webinar.Event{User: 7, Type: webinar.EventCompleted, At: planNow, Webinar: "a", WebinarType: webinar.Auto, Session: "sa"}
	part := rapid.SampledFrom([]string{"s", "sa", "sb", "sc", "sx"}).Draw(t, "pending")
	event.ID = webinar.EventID(event.Type, 7, part)
	return outbox.EventRow(event, false).Value
}

// drawCommand draws a command of the rules on any session, at a time that may be
// earlier than the last one.
func drawCommand(t *rapid.T, v webinar.Viewer) func(webinar.Viewer) (webinar.Result, error) {
	id := rapid.SampledFrom(append([]webinar.ID{""}, webinarIDs...)).Draw(t, "webinar")
	now := planNow.Add(time.Duration(rapid.IntRange(-100, 100).Draw(t, "now")) * time.Second)
	report := webinar.Report{
		Position: rapid.Int64Range(0, 1000).Draw(t, "position"), Seeked: rapid.Bool().Draw(t, "seeked"), Ended: rapid.Bool().Draw(t, "ended"),
	}
	which := webinar.SessionRef{Webinar: id}
	if rapid.Bool().Draw(t, "by session") {
		which = webinar.SessionRef{Session: drawSessionID(t, v)}
	}
	commands := map[string]func(webinar.Viewer) (webinar.Result, error){
		"enter":    func(v webinar.Viewer) (webinar.Result, error) { return genRules.Enter(v, id, "new", now) },
		"resume":   func(v webinar.Viewer) (webinar.Result, error) { return genRules.Resume(v, id, now) },
		"progress": func(v webinar.Viewer) (webinar.Result, error) { return genRules.Progress(v, which, report, now) },
		"exit": func(v webinar.Viewer) (webinar.Result, error) {
			return genRules.Exit(v, which, &report, webinar.UserExit, now)
		},
		"cta": func(v webinar.Viewer) (webinar.Result, error) { return genRules.ClickCTA(v, which, &report, now) },
		"register": func(v webinar.Viewer) (webinar.Result, error) {
			return genRules.Register(v, webinar.Registration{Webinar: id, Type: webinar.Auto, Source: "test"}, now)
		},
		"evaluate": func(v webinar.Viewer) (webinar.Result, error) { return genRules.Evaluate(v, id, uuid.Max, now) },
	}
	return commands[rapid.SampledFrom(slices.Sorted(maps.Keys(commands))).Draw(t, "command")]
}

func drawSessionID(t *rapid.T, v webinar.Viewer) webinar.SessionID {
	ids := []webinar.SessionID{"unknown"}
	if v.Current != nil {
		ids = append(ids, v.Current.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(v.Parked)) {
		ids = append(ids, v.Parked[id].ID)
	}
	return rapid.SampledFrom(ids).Draw(t, "session")
}
