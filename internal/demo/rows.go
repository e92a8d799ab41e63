package demo

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// rowsTimeout limits the wait for the database before the page shows an outage.
const rowsTimeout = 2 * time.Second

// metaRow is a row of wp_usermeta. A NULL value becomes the empty string.
type metaRow struct {
	ID    uint64 `json:"umeta_id"`
	Key   string `json:"meta_key"`
	Value string `json:"meta_value"`
}

// rows returns the rows that the service stored for a viewer, and the database's
// time, to which the times in the rows refer.
func (s *server) rows(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), rowsTimeout)
	defer cancel()
	rows, now, err := s.readRows(ctx, viewer)
	if err != nil {
		s.databaseUnavailable(w, r, err)
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

// forget deletes the viewer's rows, queued events included, as WordPress does when
// it erases personal data.
func (s *server) forget(w http.ResponseWriter, r *http.Request) {
	viewer, ok := s.viewer(w, r)
	if !ok {
		return
	}
	_, err := s.DB.ExecContext(r.Context(),
		`DELETE FROM wp_usermeta WHERE user_id = ? AND LEFT(meta_key, 12) = 'autowebinar_'`, viewer.ID)
	if err != nil {
		s.databaseUnavailable(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *server) databaseUnavailable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.Logger.WarnContext(r.Context(), "demo: database unavailable", "path", r.URL.Path, "error", err)
	}
	http.Error(w, "the database is unavailable", http.StatusServiceUnavailable)
}
