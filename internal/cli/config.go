package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"autowebinar/internal/config"
	"autowebinar/internal/text"
)

// runConfig prints the effective settings, or the reference of all settings.
func runConfig(_ context.Context, args []string, s Streams, environ []string) error {
	set := newFlagSet("config", s,
		"Prints every effective setting and the origin of its value. Secrets are not shown.\n"+
			"The exit code is 1 if the service would not start with them.",
		"  autowebinar config                 the settings of this container\n"+
			"  autowebinar config --json          the same as JSON\n"+
			"  autowebinar config --reference     all settings with default and meaning, as Markdown")
	asJSON := set.Bool("json", false, "print a JSON object")
	reference := set.Bool("reference", false, "print the reference of all settings instead")
	if err := parse(set, args); err != nil {
		return err
	}
	if *reference {
		return config.Reference(s.Out)
	}
	settings, invalid := config.Effective(environ, os.ReadFile)
	if *asJSON {
		if err := printSettingsJSON(s.Out, settings, invalid); err != nil {
			return err
		}
		if invalid != nil {
			return errSilent
		}
		return nil
	}
	if err := printSettings(s.Out, settings); err != nil {
		return err
	}
	if invalid != nil {
		return configError(invalid)
	}
	return nil
}

func printSettings(w io.Writer, settings []config.Setting) error {
	var b strings.Builder
	for _, setting := range settings {
		origin := string(setting.Origin)
		if setting.Detail != "" {
			origin += " (" + setting.Detail + ")"
		}
		fmt.Fprintf(&b, "%-32s %-36s %s\n", setting.Variable, text.StripControl(setting.Value), origin)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printSettingsJSON(w io.Writer, settings []config.Setting, invalid error) error {
	output := struct {
		Usable   bool             `json:"usable"`
		Problems []string         `json:"problems"`
		Settings []config.Setting `json:"settings"`
	}{invalid == nil, []string{}, settings}
	if invalid != nil {
		output.Problems = strings.Split(invalid.Error(), "\n")
	}
	return printJSON(w, output)
}
