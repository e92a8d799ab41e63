package httpapi

import (
	"time"

	"autowebinar/internal/webinar"
)

// sessionJSON is a session in an answer.
type sessionJSON struct {
	SessionID         webinar.SessionID `json:"session_id"`
	WebinarID         *webinar.ID       `json:"webinar_id"`
	WebinarType       webinar.Type      `json:"webinar_type"`
	StartedAt         *string           `json:"started_at"`
	ServerTime        string            `json:"server_time"`
	LiveOffsetSec     int64             `json:"live_offset_sec"`
	ResumePositionSec int64             `json:"resume_position_sec"`
	LastPositionSec   int64             `json:"last_position_sec"`
	FurthestSec       int64             `json:"furthest_sec"`
	ProgressPercent   int               `json:"progress_percent"`
	Completed         bool              `json:"completed"`
	CTAClickedAt      *string           `json:"cta_clicked_at"`
	LastSeenAt        *string           `json:"last_seen_at"`
	HeartbeatSec      int64             `json:"heartbeat_sec"`
	Clamped           bool              `json:"clamped,omitempty"`
}

// sessionJSON converts a session. The duration is the one that the request
// reported, or 0.
func (a *API) sessionJSON(s webinar.Session, now time.Time, duration int64) sessionJSON {
	v := sessionJSON{
		SessionID: s.ID, WebinarType: webinar.Auto,
		StartedAt: wireTime(s.StartedAt), ServerTime: now.UTC().Format(time.RFC3339),
		ResumePositionSec: a.cfg.Rules.ResumeAt(s, duration),
		LastPositionSec:   s.LastPosition, FurthestSec: s.Furthest,
		ProgressPercent: s.Percent, Completed: s.Completed,
		CTAClickedAt: wireTime(s.CTAClickedAt), LastSeenAt: wireTime(s.LastSeenAt),
		HeartbeatSec: a.cfg.Rules.Heartbeat,
	}
	if s.Webinar != "" {
		v.WebinarID = &s.Webinar
	}
	if !s.StartedAt.IsZero() {
		v.LiveOffsetSec = max(0, int64(now.Sub(s.StartedAt)/time.Second))
	}
	return v
}

// wireTime formats a time as RFC 3339 in UTC, and the zero time as null.
func wireTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format(time.RFC3339)
	return &text
}
