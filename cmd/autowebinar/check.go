package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"autowebinar/internal/config"
	"autowebinar/internal/usermeta"
)

// checkTimeout bounds the questions to the database: the longest of them reads
// every row of the service.
const checkTimeout = time.Minute

// check looks at everything that the service depends on and says what is wrong
// and what to do. It changes nothing and sends no event.
func runCheck(ctx context.Context, args []string, s streams, environ []string) error {
	set := flags("check", s,
		"Looks at everything that the service depends on, changes nothing and sends no event. Each\n"+
			"finding is ok, warn, fail, unfit (serve refuses to start) or unknown, with what to do.\n"+
			"The exit code is 0 if nothing fails, 1 if something does, 2 if nothing could be told.",
		"  docker exec autowebinar /autowebinar check\n"+
			"  docker exec autowebinar /autowebinar check --json > check.json")
	asJSON := set.Bool("json", false, "print a JSON object")
	login := set.Bool("login", false, "prove the salts too: from the standard input, a line with a browser's cookie wordpress_logged_in_…, and a line with a nonce; neither is printed")
	if err := parse(set, args); err != nil {
		return err
	}
	report := newCheckReport()
	cfg, err := config.Load(environ, os.ReadFile)
	if err != nil {
		report.add(inspectConfiguration(err)...)
	} else {
		report.add(usermeta.Finding{Name: "configuration", State: usermeta.OK, Detail: "usable"})
		report.add(inspectDatabase(ctx, cfg)...)
		report.add(inspectSalts(cfg), inspectObjectCache(environ))
		report.add(inspectSink(ctx, cfg)...)
		report.add(inspectProxies(cfg))
		if *login {
			report.add(inspectLogin(ctx, cfg, s.in))
		}
	}
	if ctx.Err() != nil {
		fmt.Fprintln(s.err, "autowebinar: interrupted")
		return errUsage
	}
	if *asJSON {
		err = printJSON(s.out, report)
	} else {
		err = report.print(s.out)
	}
	if err == nil && report.Failed > 0 {
		return errSilent
	}
	return err
}

// checkReport is what check prints. Failed counts fail and unfit.
type checkReport struct {
	Version  string         `json:"version"`
	At       time.Time      `json:"checked_at"`
	Failed   int            `json:"failed"`
	Warnings int            `json:"warnings"`
	Findings []checkFinding `json:"findings"`
}

type checkFinding struct {
	Name   string         `json:"name"`
	State  usermeta.State `json:"state"`
	Detail string         `json:"detail"`
	Advice string         `json:"advice,omitempty"`
}

func newCheckReport() *checkReport {
	return &checkReport{Version: version(), At: time.Now().UTC().Truncate(time.Second), Findings: []checkFinding{}}
}

func (r *checkReport) add(findings ...usermeta.Finding) {
	for _, f := range findings {
		switch f.State {
		case usermeta.Fail, usermeta.Fatal:
			r.Failed++
		case usermeta.Warn:
			r.Warnings++
		}
		if f.State == usermeta.OK {
			f.Advice = ""
		}
		r.Findings = append(r.Findings, checkFinding{f.Name, f.State, stripControl(f.Detail), f.Advice})
	}
}

func (r *checkReport) print(w io.Writer) error {
	for i, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%-7s %-16s %s\n", f.State, f.Name, f.Detail); err != nil {
			return err
		}
		same := i+1 < len(r.Findings) && r.Findings[i+1].Advice == f.Advice
		if f.Advice != "" && !same {
			fmt.Fprintf(w, "%24s %s\n", "→", f.Advice)
		}
	}
	verdict := "nothing is wrong"
	if r.Failed > 0 {
		verdict = fmt.Sprintf("%d failed", r.Failed)
	}
	_, err := fmt.Fprintf(w, "\n%d checks: %s, %d to look at (autowebinar %s, %s)\n",
		len(r.Findings), verdict, r.Warnings, r.Version, r.At.Format(time.RFC3339))
	return err
}

// inspectConfiguration makes a finding of each problem: nothing else can be
// looked at then.
func inspectConfiguration(err error) []usermeta.Finding {
	var problems config.Problems
	if !errors.As(err, &problems) {
		return []usermeta.Finding{{Name: "configuration", State: usermeta.Fail, Detail: err.Error(), Advice: "autowebinar config shows what is in force"}}
	}
	var findings []usermeta.Finding
	for _, p := range problems {
		findings = append(findings, usermeta.Finding{
			Name: "configuration", State: usermeta.Fail, Detail: p.Error(),
			Advice: "autowebinar config shows what is in force, autowebinar config --reference what there is",
		})
	}
	return findings
}

func inspectDatabase(ctx context.Context, cfg config.Config) []usermeta.Finding {
	tables := tablesOf(cfg)
	tables.MaxConnections = toolConnections
	if tables.DSN.ReadTimeout == 0 {
		tables.DSN = tables.DSN.Clone()
		tables.DSN.ReadTimeout = checkTimeout
	}
	pool, err := usermeta.Open(tables)
	if err != nil {
		return []usermeta.Finding{{Name: "connection", State: usermeta.Fail, Detail: err.Error(), Advice: "check AUTOWEBINAR_DB_DSN"}}
	}
	defer pool.Close()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	store := usermeta.New(pool, tables, slog.New(slog.DiscardHandler), nil)
	findings := store.CheckDatabase(ctx)
	if findings[0].Name == "connection" {
		return findings
	}
	return append(findings, store.CheckData(ctx)...)
}
