package webinar_test

import (
	"errors"
	"fmt"
	"time"

	"autowebinar/internal/webinar"
)

// A viewer enters a webinar of ten minutes, watches it to the end and leaves.
// Each command takes the viewer that the one before returned.
func ExampleRules() {
	rules := webinar.Rules{
		Durations: map[webinar.ID]int64{"intro": 600},
		MaxRate:   2,
		Heartbeat: 10,
	}
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	commands := []webinar.Command{
		func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			return rules.Enter(v, "intro", "session-1", now)
		},
		func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			return rules.Progress(v, webinar.SessionRef{Webinar: "intro"}, webinar.Report{Position: 300}, now)
		},
		func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			return rules.Progress(v, webinar.SessionRef{Webinar: "intro"}, webinar.Report{Position: 600, Ended: true}, now)
		},
		func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			return rules.Exit(v, webinar.SessionRef{Session: "session-1"}, nil, webinar.SessionEnd, now)
		},
	}
	viewer := webinar.Viewer{User: 42}
	for i, command := range commands {
		result, err := command(viewer, start.Add(time.Duration(i)*5*time.Minute))
		if err != nil {
			fmt.Println(err)
			return
		}
		viewer = result.Viewer
		fmt.Printf("%s: %d s, %d %%\n", result.Now.Format(time.TimeOnly), result.Session.LastPosition, result.Session.Percent)
		for _, event := range result.Events {
			fmt.Println("  event", event.Type)
		}
	}
	// Output:
	// 12:00:00: 0 s, 0 %
	//   event client_webinar_entered
	// 12:05:00: 300 s, 50 %
	// 12:10:00: 600 s, 100 %
	//   event client_webinar_completed
	//   event client_webinar_attendance_classified
	// 12:15:00: 600 s, 100 %
	//   event client_webinar_left
}

// A report is limited to what can have been watched since the last one: ten
// seconds at double speed, and a tolerance of three seconds.
func ExampleRules_Progress() {
	rules := webinar.Rules{Durations: map[webinar.ID]int64{"intro": 600}, MaxRate: 2, Heartbeat: 10}
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	entered, err := rules.Enter(webinar.Viewer{User: 42}, "intro", "session-1", start)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, position := range []int64{20, 25, 600} {
		report := webinar.Report{Position: position}
		result, err := rules.Progress(entered.Viewer, webinar.SessionRef{Webinar: "intro"}, report, start.Add(10*time.Second))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("reported %d s, stored %d s, clamped %t\n", position, result.Session.LastPosition, result.Clamped)
	}
	// Output:
	// reported 20 s, stored 20 s, clamped false
	// reported 25 s, stored 23 s, clamped false
	// reported 600 s, stored 23 s, clamped true
}

// A command that names an unknown session fails with the current session, from
// which the player can continue.
func ExampleSessionMismatchError() {
	rules := webinar.Rules{MaxRate: 2, Heartbeat: 10}
	viewer := webinar.Viewer{User: 42, Current: &webinar.Session{ID: "session-2", Webinar: "intro"}}
	_, err := rules.Progress(viewer, webinar.SessionRef{Session: "session-1"}, webinar.Report{Position: 20}, time.Now())
	var mismatch *webinar.SessionMismatchError
	if errors.As(err, &mismatch) {
		fmt.Println("current session:", mismatch.Current.ID)
	}
	// Output:
	// current session: session-2
}
