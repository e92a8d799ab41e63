package doctor

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"autowebinar/internal/config"
	"autowebinar/internal/text"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/wpdb"
)

// databaseTimeout bounds the checks of the database. The slowest one reads
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
		r.add(configFindings(err)...)
		return r
	}
	r.add(Finding{Name: "configuration", State: OK, Detail: "valid"})
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
		f.Detail = text.StripControl(f.Detail)
		r.Findings = append(r.Findings, f)
	}
}

// configFindings returns a finding for each problem of the configuration.
func configFindings(err error) (findings []Finding) {
	var problems config.Problems // config.Load returns no other error
	_ = errors.As(err, &problems)
	for _, p := range problems {
		findings = append(findings, Finding{
			Name: "configuration", State: Fail, Detail: p.Error(),
			Advice: "autowebinar config shows the current settings, autowebinar config --reference documents them",
		})
	}
	return findings
}

// OpenDatabase opens the database for a command. The pool is small, and its read
// timeout allows for statements that read every row of the service.
func OpenDatabase(cfg config.Config) (*wpdb.DB, error) {
	dsn := cfg.DSN.Clone()
	dsn.ReadTimeout = cmp.Or(dsn.ReadTimeout, databaseTimeout)
	return wpdb.Open(wpdb.Config{DSN: dsn, UsersTable: cfg.UsersTable, UsermetaTable: cfg.UsermetaTable, MaxConnections: 8})
}

func checkDatabase(ctx context.Context, cfg config.Config) []Finding {
	pool, err := OpenDatabase(cfg)
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
