package usermeta

import "sync"

// maxLoggedDamages bounds the memory of loggedDamages.
const maxLoggedDamages = 1000

// loggedDamages is the umeta_ids of the unreadable values that were logged.
type loggedDamages struct {
	mu  sync.Mutex
	ids map[uint64]bool
}

// logDamage logs a value that cannot be read, once for each row, so that the log
// does not grow with every report of the viewer.
func (s *Store) logDamage(r row) {
	d := &s.loggedDamages
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.ids)
	if d.ids[r.ID] || n > maxLoggedDamages {
		return
	}
	if n == 0 {
		d.ids = map[uint64]bool{}
	}
	d.ids[r.ID] = true
	if n == maxLoggedDamages {
		s.log.Warn("too many unreadable values; no more of them are logged")
		return
	}
	s.log.Warn("unreadable value treated as absent", "umeta_id", r.ID, "user", r.User, "meta_key", r.Key)
}
