package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"autowebinar/internal/config"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/wpdb"
)

// databaseTimeout bounds the checks of the database: the longest of them reads
// every row of the service.
const databaseTimeout = time.Minute

// Report is the result of all checks.
type Report struct {
	Version  string    `json:"version"`
	At       time.Time `json:"checked_at"`
	Failed   int       `json:"failed"` // findings that are fail or fatal
	Warnings int       `json:"warnings"`
	Findings []Finding `json:"findings"`
}

// Check runs all checks. environ is the environment of the service. If login is
// not nil, a login is read from it and verified.
func Check(ctx context.Context, version string, environ []string, login io.Reader) *Report {
	r := &Report{Version: version, At: time.Now().UTC().Truncate(time.Second), Findings: []Finding{}}
	cfg, err := config.Load(environ, os.ReadFile)
	if err != nil {
		r.add(configurationFindings(err)...)
		return r
	}
	r.add(Finding{Name: "configuration", State: OK, Detail: "usable"})
	r.add(checkDatabase(ctx, cfg)...)
	r.add(CheckSalts(cfg), checkObjectCache(environ))
	r.add(checkReceiver(ctx, cfg)...)
	r.add(checkProxies(cfg))
	if login != nil {
		r.add(checkLogin(ctx, cfg, login))
	}
	return r
}

func (r *Report) add(findings ...Finding) {
	for _, f := range findings {
		switch f.State {
		case Fail, Fatal:
			r.Failed++
		case Warn:
			r.Warnings++
		case OK:
			f.Advice = ""
		}
		f.Detail = stripControl(f.Detail)
		r.Findings = append(r.Findings, f)
	}
}

// stripControl replaces control characters, which a terminal would interpret.
func stripControl(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

// Print writes the report as text.
func (r *Report) Print(w io.Writer) error {
	for i, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%-7s %-16s %s\n", f.State, f.Name, f.Detail); err != nil {
			return err
		}
		repeated := i+1 < len(r.Findings) && r.Findings[i+1].Advice == f.Advice
		if f.Advice != "" && !repeated {
			fmt.Fprintf(w, "%24s %s\n", "→", f.Advice)
		}
	}
	result := "no failures"
	if r.Failed > 0 {
		result = fmt.Sprintf("%d failed", r.Failed)
	}
	_, err := fmt.Fprintf(w, "\n%d checks: %s, %d warnings (autowebinar %s, %s)\n",
		len(r.Findings), result, r.Warnings, r.Version, r.At.Format(time.RFC3339))
	return err
}

// configurationFindings returns a finding for each problem of the configuration.
func configurationFindings(err error) []Finding {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return []Finding{{Name: "configuration", State: Fail, Detail: err.Error(), Advice: "autowebinar config shows the current settings"}}
	}
	var findings []Finding
	for _, p := range problems {
		findings = append(findings, Finding{
			Name: "configuration", State: Fail, Detail: p.Error(),
			Advice: "autowebinar config shows the current settings, autowebinar config --reference all there are",
		})
	}
	return findings
}

func checkDatabase(ctx context.Context, cfg config.Config) []Finding {
	tables := wpdb.Config{DSN: cfg.DSN, UsersTable: cfg.UsersTable, UsermetaTable: cfg.UsermetaTable, MaxConnections: 8}
	if tables.DSN.ReadTimeout == 0 {
		tables.DSN = tables.DSN.Clone()
		tables.DSN.ReadTimeout = databaseTimeout
	}
	pool, err := wpdb.Open(tables)
	if err != nil {
		return []Finding{{Name: "connection", State: Fail, Detail: err.Error(), Advice: "check AUTOWEBINAR_DB_DSN"}}
	}
	defer pool.Close()
	ctx, cancel := context.WithTimeout(ctx, databaseTimeout)
	defer cancel()
	db := NewDatabase(pool, nil)
	findings := db.Check(ctx)
	if findings[0].Name == "connection" {
		return findings
	}
	return append(findings, db.CheckData(ctx, usermeta.New(pool, usermeta.Options{}))...)
}
