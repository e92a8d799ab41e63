package usermeta_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"autowebinar/internal/storetest"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
)

// command draws a command for one of five viewers, numbered from base.
func command(t *rapid.T, base uint64) (webinar.UserID, webinar.Command) {
	user := webinar.UserID(base + rapid.Uint64Range(0, 4).Draw(t, "user"))
	id := rapid.SampledFrom([]webinar.ID{"a", "b", "c", "d"}).Draw(t, "webinar") // d is not listed
	report := webinar.Report{
		Position: rapid.Int64Range(0, 1000).Draw(t, "position"),
		Seeked:   rapid.Bool().Draw(t, "seeked"), Ended: rapid.Bool().Draw(t, "ended"),
	}
	which := webinar.SessionRef{Webinar: id}
	switch rapid.IntRange(0, 5).Draw(t, "command") {
	case 0:
		return user, storetest.Enter(id, webinar.SessionID(fmt.Sprintf("s-%d-%s", user, id)))
	case 1:
		return user, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			return storetest.Rules.Resume(v, id, now)
		}
	case 2:
		return user, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			return storetest.Rules.Exit(v, which, &report, webinar.UserExit, now)
		}
	case 3:
		return user, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			return storetest.Rules.ClickCTA(v, which, &report, now)
		}
	case 4:
		return user, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
			return storetest.Rules.Register(v, webinar.Registration{Webinar: id, Type: webinar.Auto, Source: "x"}, now)
		}
	}
	return user, func(v webinar.Viewer, now time.Time) (webinar.Result, error) {
		return storetest.Rules.Progress(v, which, report, now)
	}
}

// A group of commands must give the same rows, results and order of events as the
// same commands one after another.
func TestGroupCommitEqualsSingleCommits(t *testing.T) {
	t.Parallel()
	single, grouped := setup(t), setup(t)
	base := uint64(1000)
	rapid.Check(t, func(rt *rapid.T) {
		base += 10
		for user := base; user < base+3; user++ { // the other two do not exist
			single.DB.AddUser(t, user, fmt.Sprintf("viewer%d", user), "")
			grouped.DB.AddUser(t, user, fmt.Sprintf("viewer%d", user), "")
		}
		for range rapid.IntRange(1, 4).Draw(rt, "batches") {
			var batch []usermeta.Change
			var alone []error
			for range rapid.IntRange(1, 12).Draw(rt, "size") {
				user, f := command(rt, base)
				_, err := single.Store.Change(t.Context(), user, f)
				alone = append(alone, err)
				batch = append(batch, usermeta.Change{User: user, Command: f})
			}
			assert.Equal(rt, alone, grouped.Store.ChangeTogether(batch))
		}
		for user := base; user < base+5; user++ {
			assert.Equal(rt, known(single.Rows(t, user)), known(grouped.Rows(t, user)), "viewer %d", user)
		}
	})
}

// known removes rows of 0, which mean the same as no row.
func known(rows map[string]string) map[string]string {
	maps.DeleteFunc(rows, func(_, value string) bool { return value == "0" })
	return rows
}
