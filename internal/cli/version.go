package cli

import (
	"context"
	"fmt"
	"runtime/debug"
)

// buildVersion is set by the linker: -X autowebinar/internal/cli.buildVersion=v1.2.3.
var buildVersion string

// version returns the version of the build, or else its revision.
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return setting.Value[:min(12, len(setting.Value))]
			}
		}
	}
	return "dev"
}

func runVersion(_ context.Context, args []string, s Streams, _ []string) error {
	if err := parse(newFlagSet("version", s, "Prints the version."), args); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.Out, "autowebinar", version())
	return err
}
