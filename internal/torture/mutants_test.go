package torture

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"autowebinar/internal/servicetest"
)

// edit is a change of one place in the service's source.
type edit struct{ file, from, to string }

// edits put every mutant into the service, asleep. One build has them all; the
// environment of a process wakes one.
var edits = []edit{
	{"usermeta/plan.go", `		p.put, p.adds = append(p.put, row{User: event.User,`,
		`		if mutant("skips the outbox") {
			continue
		}
		p.put, p.adds = append(p.put, row{User: event.User,`},
	{"usermeta/plan.go", `		p.value(user, rows[base], joinKey(base, to), encode(session, base))`,
		`		if mutant("loses a row when it sets aside") && base == keyFurthest && to != "" {
			continue
		}
		p.value(user, rows[base], joinKey(base, to), encode(session, base))`},
	{"usermeta/commit.go", `	err = tx.Commit()`,
		`	for _, g := range out.carried {
		for _, c := range g.changes {
			if mutant("acknowledges before the commit") {
				c.finish(c.result)
			}
		}
	}
	err = tx.Commit()`},
	{"usermeta/load.go", `readRows(ctx, tx, s.sql.lock+" NOWAIT",`, `readRows(ctx, tx, unlocked(s.sql.lock+" NOWAIT"),`},
	{"usermeta/load.go", `sqlx.In(statement, users(groups))`, `sqlx.In(unlocked(statement), users(groups))`},
	{"usermeta/lead.go", `	if state.Got.Int64 != 1 &&`, `	if state.Got.Int64 != 1 && !mutant("leads without being chosen") &&`},
	{"usermeta/lead.go", `	case !state.Mine.Bool:`, `	case !state.Mine.Bool && !mutant("leads without being chosen"):`},
	{"usermeta/lead.go", `		last = err
`, `		last = err
		if mutant("leads but once") && !errors.Is(err, errNotLeader) {
			<-ctx.Done()
		}
`},
	{"webhook/delivery.go", `	head := &v.Messages[0]`, `	head := &v.Messages[first(v.Messages)]`},
	{"webhook/delivery.go", `	event := v.Messages[0].Event`, `	event := v.Messages[first(v.Messages)].Event`},
	{"webhook/outcome.go", `	switch status / 100 {`,
		`	if mutant("drops what was answered with 500") && status >= 500 {
		return Accepted
	}
	switch status / 100 {`},
	{"webhook/sender.go", `	s.signer.Sign(req.Header, e.ID.String(),`, `	s.signer.Sign(req.Header, name(e),`},
	{"webhook/payload.go", `	at := timestamp(e.At)
`, `	at := timestamp(e.At)
	if mutant("tells the time of the attempt") {
		at = timestamp(time.Now())
	}
`},
	{"webinar/rules.go", `			s.LeftAt = now
`, `			if !mutant("forgets who has left") {
				s.LeftAt = now
			}
`},
	{"webinar/rules.go", `		event.Attended = s.Completed
`, `		event.Attended = s.Completed && !mutant("evaluates everybody as absent")
`},
	{"webinar/rules.go", `	result.Session = *s
`, `	result.Session = *s
	if mutant("evaluates everybody as absent") && len(result.Events) == 1 && result.Events[0].Type == EventAttendanceClassified {
		result.Session.Completed = false
	}
`},
	{"httpapi/form.go", `event, lead); err != nil {`, `event, lead); err != nil && !mutant("acknowledges forms that nobody has") {`},
}

const isAwake = `
func mutant(name string) bool { return os.Getenv("` + mutantEnv + `") == name }
`

// helpers are files that the edits need.
var helpers = map[string]string{
	"usermeta/mutant.go": `package usermeta

import (
	"os"
	"strings"
)
` + isAwake + `
func unlocked(statement string) string {
	if mutant("writes without the lock") {
		statement, _, _ = strings.Cut(statement, "FOR UPDATE")
	}
	return statement
}
`,
	"webinar/mutant.go": "package webinar\n\nimport \"os\"\n" + isAwake,
	"httpapi/mutant.go": "package httpapi\n\nimport \"os\"\n" + isAwake,
	"webhook/mutant.go": `package webhook

import (
	"os"

	"github.com/google/uuid"

	"autowebinar/internal/outbox"
	"autowebinar/internal/webinar"
)
` + isAwake + `
func first(m []outbox.Message) int {
	switch {
	case mutant("delivers the newest first"):
		return len(m) - 1
	case mutant("delivers the evaluations crosswise") && len(m) > 1 && evaluates(m[0]) && evaluates(m[1]):
		return 1
	}
	return 0
}

func evaluates(m outbox.Message) bool { return m.Event.Type == webinar.EventAttendanceClassified }

func name(e webinar.Event) string {
	if mutant("gives every attempt an id of its own") {
		return uuid.NewString()
	}
	return e.ID.String()
}
`,
}

const mutantEnv = "TORTURE_MUTANT"

// buildMutants builds the service with all mutants in it, asleep. An edit whose
// place is not there exactly once fails the test: it would prove nothing.
func buildMutants(t *testing.T) (binary string) {
	t.Helper()
	dir := t.TempDir()
	sources := map[string]string{}
	for file, text := range helpers {
		sources[file] = text
	}
	for _, e := range edits {
		if sources[e.file] == "" {
			text, err := os.ReadFile(filepath.Join("..", e.file))
			require.NoError(t, err)
			sources[e.file] = string(text)
		}
		require.Equal(t, 1, strings.Count(sources[e.file], e.from), "%s: %s", e.file, e.from)
		sources[e.file] = strings.Replace(sources[e.file], e.from, e.to, 1)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for file, text := range sources {
		original, err := filepath.Abs(filepath.Join("..", file))
		require.NoError(t, err)
		mutated := filepath.Join(dir, strings.ReplaceAll(file, "/", "-"))
		require.NoError(t, os.WriteFile(mutated, []byte(text), 0o600))
		overlay.Replace[original] = mutated
	}
	text, err := json.Marshal(overlay)
	require.NoError(t, err)
	path := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(path, text, 0o600))
	return servicetest.Build(t, "-overlay="+path, "-ldflags=-s -w")
}
