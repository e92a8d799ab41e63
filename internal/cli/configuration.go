package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"autowebinar/internal/config"
)

// configuration prints the settings in force, or the reference of all there are.
func runConfig(_ context.Context, args []string, s Streams, environ []string) error {
	set := flags("config", s,
		"Prints every setting in force and where its value came from. Secrets are not shown.\n"+
			"The exit code is 1 where the service would not start with them.",
		"  autowebinar config                 what this container runs with\n"+
			"  autowebinar config --json          the same for a program\n"+
			"  autowebinar config --reference     all settings, their defaults and meaning, as Markdown")
	asJSON := set.Bool("json", false, "print a JSON object")
	all := set.Bool("reference", false, "print the reference of all settings instead")
	if err := parse(set, args); err != nil {
		return err
	}
	if *all {
		return config.Reference(s.Out)
	}
	settings, problem := config.Effective(environ, os.ReadFile)
	var err error
	if *asJSON {
		err = printSettingsJSON(s.Out, settings, problem)
	} else {
		err = printSettings(s.Out, settings)
		if problem != nil {
			fmt.Fprintf(s.Err, "autowebinar: the configuration is not usable:\n%s\n", problem)
		}
	}
	if err == nil && problem != nil {
		return errSilent
	}
	return err
}

func printSettings(w io.Writer, settings []config.Setting) error {
	var b strings.Builder
	for _, setting := range settings {
		from := string(setting.Origin)
		if setting.Detail != "" {
			from += " (" + setting.Detail + ")"
		}
		fmt.Fprintf(&b, "%-32s %-36s %s\n", setting.Variable, stripControl(setting.Value), from)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printSettingsJSON(w io.Writer, settings []config.Setting, problem error) error {
	view := struct {
		Usable   bool             `json:"usable"`
		Problems []string         `json:"problems"`
		Settings []config.Setting `json:"settings"`
	}{problem == nil, []string{}, settings}
	if problem != nil {
		view.Problems = strings.Split(problem.Error(), "\n")
	}
	return printJSON(w, view)
}

// printJSON writes a value as indented JSON.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// printable keeps what a value holds from playing with the terminal.
func stripControl(value string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, value)
}
