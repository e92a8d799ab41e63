package usermeta

import (
	"strings"

	"autowebinar/internal/webinar"
)

// The meta keys of sessions. The first seven are the contract's, the others the
// service's own. Package outbox has those of the outbox.
const (
	namespace = "autowebinar_"

	keySessionID    = namespace + "session_id"
	keyStartedAt    = namespace + "started_at"
	keyLastPosition = namespace + "last_position_sec"
	keyPercent      = namespace + "progress_percent"
	keyCompleted    = namespace + "completed"
	keyCTAClickedAt = namespace + "cta_clicked_at"
	keyLastSeenAt   = namespace + "last_seen_at"
	keyWebinarID    = namespace + "webinar_id"
	keyFurthest     = namespace + "furthest_sec"
	keyLeftAt       = namespace + "left_at"

	keyRegistered = namespace + "registered" // always with @<webinar id>
)

// sessionKeys are the keys of one session. In a parked session each has the
// suffix "@<webinar id>".
var sessionKeys = []string{
	keySessionID, keyWebinarID, keyStartedAt, keyLastPosition, keyFurthest,
	keyPercent, keyCompleted, keyCTAClickedAt, keyLastSeenAt, keyLeftAt,
}

// splitKey splits "key@webinar"; a plain key has no webinar.
func splitKey(key string) (base string, id webinar.ID) {
	base, suffix, found := strings.Cut(key, "@")
	if !found {
		return key, ""
	}
	return base, webinar.ID(suffix)
}

func joinKey(base string, id webinar.ID) string {
	if id == "" {
		return base
	}
	return base + "@" + string(id)
}
