package cli

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/doctor"
	"autowebinar/internal/mariadbtest"
	"autowebinar/internal/mariadbtest/mariadbd"
	"autowebinar/internal/servicetest"
)

// runCheckJSON runs check --json and returns its findings by name.
func runCheckJSON(t *testing.T, env []string) (code int, findings map[string]doctor.Finding) {
	t.Helper()
	code, out, errs := runCommand(t, env, "check", "--json")
	assert.Empty(t, errs)
	var report doctor.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report), out)
	findings = map[string]doctor.Finding{}
	failed := 0
	for _, f := range report.Findings {
		findings[f.Name] = f
		assert.NotEmpty(t, f.Detail, f.Name)
		assert.Equal(t, f.State == doctor.OK, f.Advice == "", "exactly the other states have advice: %+v", f)
		if f.State == doctor.Fail || f.State == doctor.Fatal {
			failed++
		}
	}
	assert.Equal(t, failed, report.Failed)
	assert.Equal(t, map[bool]int{true: 1, false: 0}[failed > 0], code)
	for _, secret := range []string{testSecret, "token-in-the-path"} {
		assert.NotContains(t, out, secret)
	}
	return code, findings
}

func newTestReceiver(t *testing.T) string {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	return receiver.URL + "/token-in-the-path"
}

func TestCheckSucceeds(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, http.MethodHead, r.Method, "check sends no event")
	}))
	defer receiver.Close()
	db := mariadbtest.New(t)
	code, out, errs := runCommand(t, testEnv(db, receiver.URL), "check")
	assert.Equal(t, 0, code, out+errs)
	assert.NotRegexp(t, `(?m)^(fail|fatal)`, out)
	assert.Regexp(t, `ok +salts`, out)
	assert.Regexp(t, `ok +receiver`, out)
}

func TestCheckAdvisesOnProblems(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	env := withSetting(testEnv(db, "http://127.0.0.1:1/"), "AUTOWEBINAR_USERMETA_TABLE=nothing_here")
	env = withSetting(env, "WORDPRESS_NONCE_SALT=put your unique phrase here")
	code, out, errs := runCommand(t, env, "check")
	assert.Equal(t, 1, code, errs)
	assert.Regexp(t, `fail +engine +no table nothing_here`, out)
	assert.Regexp(t, `fail +salts .*NONCE_SALT`, out)
	assert.Regexp(t, `fail +receiver +no response`, out)
	assert.Contains(t, out, "→")
	assert.Empty(t, errs)
	for _, secret := range []string{testSecret, "put your unique phrase"} {
		assert.NotContains(t, out, secret)
	}
}

func TestCheckOutput(t *testing.T) {
	t.Parallel()
	healthy := withSetting(testEnv(mariadbtest.New(t), newTestReceiver(t)), "AUTOWEBINAR_TRUSTED_PROXIES=10.0.0.0/8")
	code, out, errs := runCommand(t, healthy, "check")
	assert.Equal(t, 0, code, errs)
	golden(t, "check-healthy.golden", out)

	f := newFixture(t, 1)
	f.enter(t, 1, "intro")
	f.exec(t, "UPDATE wp_usermeta SET meta_key = 'autowebinar_outbox_dead' WHERE meta_key = 'autowebinar_outbox'")
	f.SetMeta(t, 1, "autowebinar_session_id", "twin")
	f.SetMeta(t, 2, "autowebinar_session_id", "orphan")
	f.exec(t, "GRANT SELECT ON wp_options TO '"+f.Name+"'@'%'")
	f.exec(t, "REVOKE DELETE ON wp_usermeta FROM '"+f.Name+"'@'%'")
	f.exec(t, "ALTER TABLE wp_usermeta CONVERT TO CHARACTER SET latin1, ENGINE=MyISAM")
	broken := withSetting(withSetting(f.env, "WORDPRESS_NONCE_SALT=c"), "WORDPRESS_AUTH_KEY=put your unique phrase here")
	code, out, errs = runCommand(t, broken, "check")
	assert.Equal(t, 1, code, errs)
	golden(t, "check-broken.golden", out)
	_, out, _ = runCommand(t, broken, "check", "--json")
	golden(t, "check-broken.golden.json", out)

	code, out, errs = runCommand(t, []string{"AUTOWEBINAR_HEARTBEET_SEC=5"}, "check")
	assert.Equal(t, 1, code, "only the configuration is checked")
	assert.Empty(t, errs)
	golden(t, "check-misconfigured.golden", out)
}

func TestCheckFindsDatabaseProblems(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		damage string
		states map[string]doctor.State
	}{
		"missing grant":          {"REVOKE INSERT ON wp_usermeta FROM {account}", map[string]doctor.State{"write grants": doctor.Fail}},
		"unreadable users":       {"REVOKE SELECT ON wp_users FROM {account}", map[string]doctor.State{"users table": doctor.Fail, "write grants": doctor.Fail, "rows": doctor.Unknown}},
		"excess grants":          {"GRANT ALL ON {db}.* TO {account}", map[string]doctor.State{"least privilege": doctor.Warn, "grants": doctor.Warn}},
		"MyISAM":                 {"ALTER TABLE wp_usermeta ENGINE=MyISAM", map[string]doctor.State{"engine": doctor.Fatal}},
		"missing index":          {"ALTER TABLE wp_usermeta DROP INDEX meta_key", map[string]doctor.State{"indexes": doctor.Fatal, "rows": doctor.Unknown}},
		"two-byte character set": {"ALTER TABLE wp_usermeta CONVERT TO CHARACTER SET utf16", map[string]doctor.State{"collation": doctor.Fail}},
		"no AUTO_INCREMENT":      {"ALTER TABLE wp_usermeta MODIFY umeta_id bigint unsigned NOT NULL", map[string]doctor.State{"columns": doctor.Fail}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mariadbtest.New(t)
			_, err := f.SQL.ExecContext(t.Context(), strings.NewReplacer("{account}", "'"+f.Name+"'@'%'", "{db}", f.Name).Replace(test.damage))
			require.NoError(t, err)
			before := f.Checksum(t)
			_, findings := runCheckJSON(t, testEnv(f, newTestReceiver(t)))
			assert.Equal(t, before, f.Checksum(t), "check changes nothing")
			for name, state := range test.states {
				assert.Equal(t, state, findings[name].State, "%+v", findings[name])
			}
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		env := withSetting(testEnv(mariadbtest.New(t), newTestReceiver(t)), "AUTOWEBINAR_DB_DSN=user:password@tcp(127.0.0.1:1)/wordpress")
		_, findings := runCheckJSON(t, env)
		assert.Equal(t, doctor.Fail, findings["connection"].State)
		assert.Equal(t, doctor.OK, findings["receiver"].State, "the other checks run")
	})
}

func TestCheckFindsServerProblems(t *testing.T) {
	t.Parallel()
	clock := servicetest.NewDatabaseClock(t)
	db, _ := mariadbtest.NewWithServer(t, mariadbd.Config{Args: []string{"--log-bin", "--server-id=1", "--binlog-format=ROW"}, Env: clock.Env})
	admin, env := db.SQL, testEnv(db, newTestReceiver(t))
	_, findings := runCheckJSON(t, env)
	assert.Equal(t, doctor.OK, findings["binary log"].State)
	assert.Equal(t, doctor.OK, findings["clock"].State, findings["clock"].Detail)

	_, err := admin.Exec("SET GLOBAL binlog_format = 'STATEMENT'")
	require.NoError(t, err)
	_, findings = runCheckJSON(t, env)
	assert.Equal(t, doctor.Fatal, findings["binary log"].State)
	_, err = admin.Exec("SET GLOBAL binlog_format = 'MIXED'")
	require.NoError(t, err)

	_, err = admin.Exec("SET GLOBAL read_only = 1")
	require.NoError(t, err)
	_, findings = runCheckJSON(t, env)
	assert.Equal(t, doctor.Fail, findings["writable"].State)
	assert.Equal(t, doctor.OK, findings["rows"].State, "reads work")
	_, err = admin.Exec("SET GLOBAL read_only = 0")
	require.NoError(t, err)

	clock.Set(t, -10*time.Minute)
	_, findings = runCheckJSON(t, env)
	assert.Equal(t, doctor.Warn, findings["clock"].State)
	assert.Contains(t, findings["clock"].Advice, "synchronize")
}

func TestCheckFindsUnsupportedNamedLocks(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	proxy := servicetest.NewFaultProxy(t, servicetest.AddressOf(t, db.DSN))
	proxy.AddRule(func(statement string) *servicetest.Reply {
		if strings.Contains(statement, "GET_LOCK") {
			return &servicetest.Reply{Number: 1235, Message: "GET_LOCK is not supported here"}
		}
		return nil
	})
	env := withSetting(testEnv(db, newTestReceiver(t)), "AUTOWEBINAR_DB_DSN="+servicetest.WithAddress(t, db.DSN, proxy.Address))
	_, findings := runCheckJSON(t, env)
	assert.Equal(t, doctor.Fail, findings["named locks"].State)
	assert.Contains(t, findings["named locks"].Advice, "no proxy")
	assert.Equal(t, doctor.Unknown, findings["shared locks"].State)
}

func TestCheckFindsProblemsOfSettings(t *testing.T) {
	t.Parallel()
	env := testEnv(mariadbtest.New(t), newTestReceiver(t))
	var missing []string
	for _, entry := range env {
		if !strings.HasPrefix(entry, "WORDPRESS_LOGGED_IN_SALT=") {
			missing = append(missing, entry)
		}
	}
	for name, test := range map[string]struct {
		env     []string
		finding string
		state   doctor.State
		detail  string
	}{
		"missing salt":  {missing, "salts", doctor.Fail, "LOGGED_IN_SALT is missing"},
		"empty salt":    {withSetting(env, "WORDPRESS_NONCE_KEY="), "salts", doctor.Fail, "NONCE_KEY is empty"},
		"sample salt":   {withSetting(env, "WORDPRESS_NONCE_KEY=put your unique phrase here"), "salts", doctor.Fail, "NONCE_KEY is the sample phrase"},
		"repeated salt": {withSetting(env, "WORDPRESS_NONCE_KEY=a"), "salts", doctor.Fail, "NONCE_KEY has the same value as AUTH_KEY"},
		"no proxy":      {env, "proxies", doctor.Warn, "no proxy is trusted"},
		"every proxy":   {withSetting(env, "AUTOWEBINAR_TRUSTED_PROXIES=0.0.0.0/0"), "proxies", doctor.Warn, "every address is trusted"},
		"one proxy":     {withSetting(env, "AUTOWEBINAR_TRUSTED_PROXIES=10.1.2.3"), "proxies", doctor.OK, "10.1.2.3/32"},
		"no receiver":   {withSetting(env, "AUTOWEBINAR_WEBHOOK_URL=off"), "receiver", doctor.Warn, "no event is stored"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, findings := runCheckJSON(t, test.env)
			assert.Equal(t, test.state, findings[test.finding].State)
			assert.Contains(t, findings[test.finding].Detail, test.detail)
		})
	}
}

func TestCheckFindsReceiverProblems(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	receiver := func(handler http.HandlerFunc) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL + "/token-in-the-path"
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	secure := httptest.NewUnstartedServer(status(http.StatusOK))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := receiver(status(http.StatusOK))
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { silent.Close() })

	for name, test := range map[string]struct {
		url     string
		finding string
		state   doctor.State
		detail  string
		advice  string
	}{
		"not listening":     {"http://127.0.0.1:1/token-in-the-path", "receiver", doctor.Fail, "no response from 127.0.0.1:1", "stay in the outbox"},
		"unknown host":      {"http://receiver.invalid/token-in-the-path", "receiver", doctor.Fail, "no response from receiver.invalid", ""},
		"unknown authority": {secure.URL + "/token-in-the-path", "receiver", doctor.Fail, "certificate", "SSL_CERT_FILE"},
		"no TLS":            {"https" + strings.TrimPrefix(plain, "http"), "receiver", doctor.Fail, "does not speak TLS", "http://"},
		"redirect":          {receiver(http.RedirectHandler("/elsewhere", http.StatusMovedPermanently).ServeHTTP), "receiver", doctor.Warn, "status 301", "final address"},
		"failing":           {receiver(status(http.StatusBadGateway)), "receiver", doctor.Warn, "status 502", "failing"},
		"gone":              {receiver(status(http.StatusGone)), "receiver", doctor.Warn, "status 410", "gone"},
		"no HEAD":           {receiver(status(http.StatusMethodNotAllowed)), "receiver", doctor.OK, "status 405", ""},
		"slow clock": {receiver(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		}), "receiver clock", doctor.Warn, "1h0m", "synchronize"},
		"no Date header": {receiver(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil }), "receiver clock", doctor.Unknown, "no Date header", "synchronized"},
		"no response":    {"http://" + silent.Addr().String() + "/token-in-the-path", "receiver", doctor.Fail, "within 10s", "stay in the outbox"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, findings := runCheckJSON(t, testEnv(db, test.url))
			f := findings[test.finding]
			assert.Equal(t, test.state, f.State, "%+v", f)
			assert.Contains(t, f.Detail, test.detail)
			assert.Contains(t, f.Advice, test.advice)
		})
	}
}
