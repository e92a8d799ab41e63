package main

import (
	"context"
	"fmt"
	"runtime/debug"
)

// stamped is set by the build: -ldflags "-X main.stamped=v1.2.3".
var buildVersion string

// version is the stamped version, else the revision the binary was built from.
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

func printVersion(_ context.Context, args []string, s streams, _ []string) error {
	if err := parse(flags("version", s), args); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.out, "autowebinar", version())
	return err
}
