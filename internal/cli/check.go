package cli

import (
	"context"
	"fmt"
	"io"

	"autowebinar/internal/doctor"
)

// runCheck prints the result of all checks.
func runCheck(ctx context.Context, args []string, s Streams, environ []string) error {
	set := flags("check", s,
		"Checks everything that the service depends on. It changes nothing and sends no event. Each\n"+
			"finding is ok, warn, fail, fatal (serve refuses to start) or unknown, with what to do.\n"+
			"The exit code is 0 if nothing fails, 1 if something does, 2 if the check could not run.",
		"  docker exec autowebinar /autowebinar check\n"+
			"  docker exec autowebinar /autowebinar check --json > check.json")
	asJSON := set.Bool("json", false, "print a JSON object")
	login := set.Bool("login", false, "verify the salts with a login: reads from standard input a line with a browser's cookie wordpress_logged_in_… and a line with a nonce; prints neither")
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
		err = report.Print(s.Out)
	}
	if err == nil && report.Failed > 0 {
		return errSilent
	}
	return err
}
