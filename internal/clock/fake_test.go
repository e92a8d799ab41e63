//go:build failpoints

package clock

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSettingClockKeepsMonotonicReading(t *testing.T) {
	before := Now()
	for _, hours := range []int64{1, -1, 24 * 365, 0} {
		atomic.StoreInt64(ahead, hours*3600)
		now := Now()
		assert.WithinDuration(t, time.Now().Round(0).Add(time.Duration(hours)*time.Hour), now.Round(0), time.Minute)
		assert.Less(t, now.Sub(before).Abs(), time.Minute, "the monotonic reading does not change")
	}
}
