package packaging

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

// container makes a program that runs commands in the image's root file system,
// unpacked in dir, as an engine would: as nobody, with nothing else in sight and nothing that
// can be written. It needs root, or a system that lets users have namespaces.
func container(t testing.TB, i image, dir string) (entrypoint string) {
	t.Helper()
	user, account := i.config.Config.User, ""
	namespaces := "-m"
	if os.Getuid() == 0 {
		account = "--userspec=" + user
	} else {
		namespaces = "-mUr" // its only user is then oneself
	}
	entrypoint = filepath.Join(t.TempDir(), "run")
	script := fmt.Sprintf(`#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin exec unshare %s sh -c '
  mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && unset PATH PWD OLDPWD &&
  exec /usr/sbin/chroot %s "$0" %s "$@"' '%s' "$@"
`, namespaces, account, strings.Join(i.config.Config.Entrypoint, " "), dir)
	require.NoError(t, os.WriteFile(entrypoint, []byte(script), 0o755))
	return entrypoint
}

func TestImageReportsMissingSettings(t *testing.T) {
	t.Parallel()
	i := openImage(t)
	said, err := run(t, []string{}, container(t, i, i.unpack(t)), i.config.Config.Cmd...)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	assert.Equal(t, `autowebinar: the configuration is not usable:
AUTOWEBINAR_WEBHOOK_SECRET: is required: events are signed with it, unless AUTOWEBINAR_WEBHOOK_URL is off
AUTOWEBINAR_WEBHOOK_URL: is required: the address that events are sent to, or off
WORDPRESS_DB_HOST: is required: it, or AUTOWEBINAR_DB_DSN, or AUTOWEBINAR_WP_CONFIG
WORDPRESS_DB_NAME: is required: it, or AUTOWEBINAR_DB_DSN, or AUTOWEBINAR_WP_CONFIG
WORDPRESS_DB_PASSWORD: is required: it, or AUTOWEBINAR_DB_DSN, or AUTOWEBINAR_WP_CONFIG
WORDPRESS_DB_USER: is required: it, or AUTOWEBINAR_DB_DSN, or AUTOWEBINAR_WP_CONFIG
`, said)
}

func TestImageServes(t *testing.T) {
	t.Parallel()
	i, db, sink := openImage(t), mariadbtest.New(t), servicetest.NewReceiver(t)
	entrypoint := container(t, i, i.unpack(t))
	viewer := servicetest.NewViewer(t, db, 7)
	settings := servicetest.Settings(db.DSN, sink.URL)
	s := servicetest.StartBinary(t, entrypoint, settings).Ready(t)

	viewer.Must(t, s, http.StatusCreated, "/enter", `{"webinar_id":"intro"}`)
	sink.WaitFor(t, "7", "entered")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	require.NoError(t, err)
	if os.Getuid() == 0 {
		assert.Contains(t, string(status), "Uid:\t65532\t65532\t65532\t65532")
	}

	// The image's HEALTHCHECK, in the running container's environment.
	admin, err := url.Parse(s.Admin)
	require.NoError(t, err)
	settings["AUTOWEBINAR_ADMIN_LISTEN"] = admin.Host
	env := environ(settings)
	health := append(i.config.Config.Healthcheck.Test[2:], "-path", "/readyz")
	said, err := run(t, env, entrypoint, health...)
	require.NoError(t, err, said)
	s.Stop(t)
	said, err = run(t, env, entrypoint, i.config.Config.Healthcheck.Test[2:]...)
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit), said)
	assert.Equal(t, 1, exit.ExitCode())
}

func environ(settings map[string]string) (env []string) {
	for name, value := range settings {
		env = append(env, name+"="+value)
	}
	return env
}

func TestImageTrustsMountedAuthority(t *testing.T) {
	t.Parallel()
	i, db := openImage(t), mariadbtest.New(t)
	sink := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(sink.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: sink.Certificate().Raw})
	settings := servicetest.Settings(db.DSN, sink.URL)

	// sinkFails asks the check command in a container with that file mounted.
	sinkFails := func(t *testing.T, file, certFile string) bool {
		dir := i.unpack(t)
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), authority, 0o644))
		env := environ(settings)
		if certFile != "" {
			env = append(env, "SSL_CERT_FILE="+certFile)
		}
		said, _ := run(t, env, container(t, i, dir), "check", "--json")
		report := decode[struct {
			Findings []struct{ Name, State string }
		}](t, []byte(said))
		for _, finding := range report.Findings {
			if finding.Name == "sink" {
				return finding.State == "fail"
			}
		}
		require.Fail(t, "no finding about the sink", said)
		return false
	}
	assert.True(t, sinkFails(t, "unused.pem", ""), "nobody knows this authority")
	assert.False(t, sinkFails(t, "etc/ssl/certs/private.pem", ""), "beside the public ones")
	assert.False(t, sinkFails(t, "private.pem", "/private.pem"), "in place of the public ones")
}
