// Command pack builds the container image, as an OCI archive and without a
// container engine, and the archives of a release. Builds are reproducible: they
// depend only on the sources, the version and the time.
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

// pack contains the settings of a run.
type pack struct {
	source   string // folder of the repository
	out      string // folder of the results
	version  string
	revision string    // of the sources; may be empty
	modTime  time.Time // of all files and of the image
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
	source := set.String("source", "../..", "the folder of the repository")
	out := set.String("out", "dist", "the folder of the results, relative to the repository")
	version := set.String("version", "dev", "the version of the binaries")
	revision := set.String("revision", "", "the commit of the sources")
	platforms := set.String("platforms", "", "comma-separated os/arch; default: all supported")
	if err := set.Parse(args); err != nil {
		return errUsage
	}
	if set.NArg() != 1 {
		return errUsage
	}
	modTime, err := epoch(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	p := pack{source: *source, out: *out, version: *version, revision: *revision, modTime: modTime}
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
		platforms, err := chosen(platform{"linux", "amd64"}, platform{"linux", "arm64"})
		if err != nil {
			return err
		}
		return p.image(ctx, platforms)
	case "release":
		platforms, err := chosen(platform{"linux", "amd64"}, platform{"linux", "arm64"}, platform{"darwin", "amd64"}, platform{"darwin", "arm64"})
		if err != nil {
			return err
		}
		return p.release(ctx, platforms)
	case "rootfs":
		platforms, err := chosen()
		if err != nil {
			return err
		}
		if len(platforms) != 1 {
			return errUsage
		}
		return p.rootfs(ctx, platforms[0])
	}
	return errUsage
}

// epoch parses SOURCE_DATE_EPOCH. The default is 1970.
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
