package demo

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// rowsPatience is how long the page waits for the database before it says so.
const rowsPatience = 2 * time.Second

// metaRow is one row of wp_usermeta; a NULL value is shown as the empty string.
type metaRow struct {
	ID    uint64 `json:"umeta_id"`
	Key   string `json:"meta_key"`
	Value string `json:"meta_value"`
}

// rows answers what the service stored of a viewer, and the database's time,
// beside which the times in the rows can be read.
func (s *server) rows(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), rowsPatience)
	defer cancel()
	rows, now, err := s.readRows(ctx, viewer)
	if err != nil {
		s.noDatabase(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{"viewer": viewer.ID, "now": now, "rows": rows})
}

func (s *server) readRows(ctx context.Context, viewer Viewer) (rows []metaRow, now string, err error) {
	if err := s.DB.QueryRowContext(ctx, "SELECT DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%H:%i:%sZ')").Scan(&now); err != nil {
		return nil, "", err
	}
	found, err := s.DB.QueryContext(ctx, `
		SELECT umeta_id, meta_key, COALESCE(meta_value, '')
		FROM wp_usermeta
		WHERE user_id = ? AND LEFT(meta_key, 12) = 'autowebinar_'
		ORDER BY umeta_id`, viewer.ID)
	if err != nil {
		return nil, "", err
	}
	defer found.Close()
	rows = []metaRow{}
	for found.Next() {
		var row metaRow
		if err := found.Scan(&row.ID, &row.Key, &row.Value); err != nil {
			return nil, "", err
		}
		rows = append(rows, row)
	}
	return rows, now, found.Err()
}

// forget makes a viewer new, as WordPress does when it erases one's data: events
// that wait go with it.
func (s *server) forget(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	_, err := s.DB.ExecContext(r.Context(),
		`DELETE FROM wp_usermeta WHERE user_id = ? AND LEFT(meta_key, 12) = 'autowebinar_'`, viewer.ID)
	if err != nil {
		s.noDatabase(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) noDatabase(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.Logger.WarnContext(r.Context(), "demo page: no database", "path", r.URL.Path, "error", err)
	}
	http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
}
