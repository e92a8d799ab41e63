package packaging

import (
	"encoding/pem"
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

	"autowebinar/internal/config"
	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/servicetest"
)

// container writes a program that runs commands of the image as a container
// engine would: unprivileged, with dir, the unpacked image, as a read-only root
// file system. It needs root or unprivileged user namespaces.
func container(t testing.TB, i image, dir string) (entrypoint string) {
	t.Helper()
	user, account := i.config.Config.User, ""
	namespaces := "-m"
	if os.Getuid() == 0 {
		account = "--userspec=" + user
	} else {
		namespaces = "-mUr" // maps only the current user
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
	output, err := run(t, []string{}, container(t, i, i.unpack(t)), i.config.Config.Cmd...)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.ExitCode())
	_, want := config.Load(nil, os.ReadFile)
	require.Error(t, want)
	assert.True(t, strings.HasPrefix(output, "autowebinar: "), output)
	assert.True(t, strings.HasSuffix(output, want.Error()+"\n"), output)
	for _, name := range []string{"AUTOWEBINAR_WEBHOOK_SECRET", "AUTOWEBINAR_WEBHOOK_URL",
		"WORDPRESS_DB_HOST", "WORDPRESS_DB_NAME", "WORDPRESS_DB_PASSWORD", "WORDPRESS_DB_USER"} {
		assert.Contains(t, output, "\n"+name+": is required")
	}
}

func TestImageServes(t *testing.T) {
	t.Parallel()
	i, db, receiver := openImage(t), mariadbtest.New(t), servicetest.NewReceiver(t)
	entrypoint := container(t, i, i.unpack(t))
	viewer := servicetest.NewViewer(t, db, 7)
	settings := servicetest.Settings(db.DSN, receiver.URL)
	s := servicetest.StartBinary(t, entrypoint, settings).Ready(t)

	viewer.Must(t, s, http.StatusCreated, "/enter", `{"webinar_id":"intro"}`)
	receiver.WaitFor(t, "7", "entered")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.PID()))
	require.NoError(t, err)
	if os.Getuid() == 0 {
		assert.Contains(t, string(status), "Uid:\t65532\t65532\t65532\t65532")
	}

	// The image's HEALTHCHECK in the environment of the running container.
	admin, err := url.Parse(s.Admin)
	require.NoError(t, err)
	settings["AUTOWEBINAR_ADMIN_LISTEN"] = admin.Host
	env := environ(settings)
	health := append(i.config.Config.Healthcheck.Test[2:], "-path", "/readyz")
	output, err := run(t, env, entrypoint, health...)
	require.NoError(t, err, output)
	s.Stop(t)
	output, err = run(t, env, entrypoint, i.config.Config.Healthcheck.Test[2:]...)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, output)
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
	receiver := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(receiver.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: receiver.Certificate().Raw})
	settings := servicetest.Settings(db.DSN, receiver.URL)

	// checkFails runs the check command in a container in which the certificate is
	// mounted as file, and reports whether the receiver's check fails.
	checkFails := func(t *testing.T, file, certFile string) bool {
		dir := i.unpack(t)
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), authority, 0o644))
		env := environ(settings)
		if certFile != "" {
			env = append(env, "SSL_CERT_FILE="+certFile)
		}
		output, _ := run(t, env, container(t, i, dir), "check", "--json")
		report := decode[struct {
			Findings []struct{ Name, State string }
		}](t, []byte(output))
		for _, finding := range report.Findings {
			if finding.Name == "receiver" {
				return finding.State == "fail"
			}
		}
		require.Fail(t, "no finding about the receiver", output)
		return false
	}
	assert.True(t, checkFails(t, "unused.pem", ""), "an unknown authority")
	assert.False(t, checkFails(t, "etc/ssl/certs/private.pem", ""), "trusted in addition to the public authorities")
	assert.False(t, checkFails(t, "private.pem", "/private.pem"), "trusted instead of the public authorities")
}
