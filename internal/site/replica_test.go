package site

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// useReplica returns PHP code that makes the request read a replica without rows
// until it calls the method that switches to the primary.
func useReplica(method string) string {
	return `$GLOBALS['wpdb'] = new class(DB_USER, DB_PASSWORD, DB_NAME, DB_HOST) extends wpdb {
			private $lags = true;
			public function ` + method + `() { $this->lags = false; }
			public function query($query) {
				if ($this->lags && false !== strpos($query, 'GET_LOCK')) {
					throw new LogicException('the lock must be taken on the primary');
				}
				return parent::query($this->lags && 0 === strpos($query, 'SELECT') ? 'SELECT 1 FROM DUAL WHERE 1 = 0' : $query);
			}
		};
		wp_set_wpdb_vars(); wp_cache_flush();` + "\n"
}

// testLaggingReplica checks that the plugin reads the primary where a site reads
// replicas.
func testLaggingReplica(t *testing.T, s *site) {
	for name, method := range map[string]string{"hyperdb": "send_reads_to_masters", "ludicrousdb": "send_reads_to_primaries"} {
		user := s.addUser(t, "reads-"+name)
		hook := enteredWebhook(user)
		s.insertOutboxRow(t, hook)
		status, code := s.postInProcess(t, useReplica("of_another_make"), hook)
		assert.Equal(t, 422, status)
		assert.Equal(t, "autowebinar_unknown_user", code, "the replica lags")

		status, code = s.postInProcess(t, useReplica(method), hook)
		assert.Equal(t, 200, status, "%s: %s", name, code)
		s.expectActions(t, user, "client_webinar_entered")

		var exported int
		s.eval(t, &exported, `%s return count(AutoWebinar\export('reads-%s@example.test')['data']);`, useReplica(method), name)
		assert.Equal(t, 1, exported, "the pending event")
		assert.True(t, s.erase(t, useReplica(method), "reads-"+name).Removed)
		assert.Empty(t, s.row(t, user, "autowebinar_bridge_last_id"))
	}
}
