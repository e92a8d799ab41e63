package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"autowebinar/internal/doctor"
	"autowebinar/internal/text"
)

// runCheck prints the result of all checks.
func runCheck(ctx context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("check", s,
		"Checks everything that the service depends on. It changes nothing and sends no event. Each\n"+
			"finding is ok, warn, fail, fatal (serve refuses to start) or unknown, with advice.\n"+
			"The exit code is 0 if nothing fails, 1 if something does, 2 if the check could not run.",
		"  docker exec autowebinar /autowebinar check\n"+
			"  docker exec autowebinar /autowebinar check --json > check.json")
	asJSON := set.Bool("json", false, "print a JSON object")
	login := set.Bool("login", false, "verify the salts with a login: read a line with a browser's cookie wordpress_logged_in_… and a line with a nonce from standard input; neither is printed")
	if err := parse(set, args); err != nil {
		return err
	}
	var loginInput io.Reader
	if *login {
		loginInput = s.In
	}
	report := doctor.Check(ctx, version(), environ, loginInput)
	if ctx.Err() != nil {
		fmt.Fprintln(s.Err, "autowebinar: interrupted")
		return errUsage
	}
	var err error
	if *asJSON {
		err = printJSON(s.Out, report)
	} else {
		err = printReport(s.Out, report)
	}
	if err == nil && report.Failed > 0 {
		return errSilent
	}
	return err
}

func printReport(w io.Writer, r *doctor.Report) error {
	for i, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%-7s %-16s %s\n", f.State, f.Name, f.Detail); err != nil {
			return err
		}
		repeated := i+1 < len(r.Findings) && r.Findings[i+1].Advice == f.Advice
		if f.Advice != "" && !repeated {
			fmt.Fprintf(w, "%24s %s\n", "→", f.Advice)
		}
	}
	_, err := fmt.Fprintf(w, "\n%s: %d failed, %s (autowebinar %s, %s)\n",
		text.Count(len(r.Findings), "check"), r.Failed, text.Count(r.Warnings, "warning"), r.Version, r.At.Format(time.RFC3339))
	return err
}
