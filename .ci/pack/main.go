// Command pack makes what is shipped of the service: the container image as an
// OCI archive, without a container engine, and the archives of a release. The
// same sources, version and time give the same bytes, wherever it runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// pack is one run of the program.
type pack struct {
	source   string    // the project's folder
	out      string    // where results go
	version  string    // stamped into the binaries
	revision string    // of the sources; empty: not known
	made     time.Time // the time of everything that carries one
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage: pack [flags] image | release | rootfs (of one platform, into the folder -out)")

func run(ctx context.Context, args []string) error {
	set := flag.NewFlagSet("pack", flag.ContinueOnError)
	source := set.String("source", "../..", "the project's folder")
	out := set.String("out", "dist", "the folder to write to; a relative one is below the project's")
	version := set.String("version", "dev", "the version to stamp")
	revision := set.String("revision", "", "the commit of the sources")
	platforms := set.String("platforms", "", "comma-separated os/arch; default: all that are shipped")
	if err := set.Parse(args); err != nil {
		return errUsage
	}
	if set.NArg() != 1 {
		return errUsage
	}
	made, err := epoch(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	p := pack{source: *source, out: *out, version: *version, revision: *revision, made: made}
	if p.source, err = filepath.Abs(p.source); err != nil {
		return err
	}
	if !filepath.IsAbs(p.out) {
		p.out = filepath.Join(p.source, p.out)
	}
	if err := os.MkdirAll(p.out, 0o755); err != nil {
		return err
	}
	chosen := func(all ...platform) ([]platform, error) { return parsePlatforms(*platforms, all) }
	switch set.Arg(0) {
	case "image":
		on, err := chosen(platform{"linux", "amd64"}, platform{"linux", "arm64"})
		if err != nil {
			return err
		}
		return p.image(ctx, on)
	case "release":
		on, err := chosen(platform{"linux", "amd64"}, platform{"linux", "arm64"}, platform{"darwin", "amd64"}, platform{"darwin", "arm64"})
		if err != nil {
			return err
		}
		return p.release(ctx, on)
	case "rootfs":
		on, err := chosen()
		if err != nil {
			return err
		}
		if len(on) != 1 {
			return errUsage
		}
		return p.rootfs(ctx, on[0])
	}
	return errUsage
}

// epoch reads SOURCE_DATE_EPOCH; without one the time is 1970.
func epoch(text string) (time.Time, error) {
	if text == "" {
		text = "0"
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %q is not a Unix time", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func parsePlatforms(list string, all []platform) ([]platform, error) {
	if list == "" {
		return all, nil
	}
	var chosen []platform
	for name := range strings.SplitSeq(list, ",") {
		system, arch, ok := strings.Cut(name, "/")
		if !ok || system == "" || arch == "" {
			return nil, fmt.Errorf("-platforms: %q is not os/arch", name)
		}
		chosen = append(chosen, platform{system, arch})
	}
	return chosen, nil
}
