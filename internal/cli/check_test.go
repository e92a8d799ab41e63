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

// examine runs check --json and returns what it found, by name.
func examine(t *testing.T, env []string) (code int, found map[string]doctor.Finding) {
	t.Helper()
	code, out, errs := ask(t, env, "check", "--json")
	assert.Empty(t, errs)
	var report doctor.Report
	require.NoError(t, json.Unmarshal([]byte(out), &report), out)
	found = map[string]doctor.Finding{}
	failed := 0
	for _, f := range report.Findings {
		found[f.Name] = f
		assert.NotEmpty(t, f.Detail, f.Name)
		assert.Equal(t, f.State == doctor.OK, f.Advice == "", "advice where there is something to do: %+v", f)
		if f.State == doctor.Fail || f.State == doctor.Fatal {
			failed++
		}
	}
	assert.Equal(t, failed, report.Failed)
	assert.Equal(t, map[bool]int{true: 1, false: 0}[failed > 0], code)
	for _, secret := range []string{testSecret, "token-in-the-path"} {
		assert.NotContains(t, out, secret)
	}
	return code, found
}

func wellSink(t *testing.T) string {
	t.Helper()
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(sink.Close)
	return sink.URL + "/token-in-the-path"
}

func TestTheWordsOfCheck(t *testing.T) {
	t.Parallel()
	well := replace(environ(mariadbtest.New(t), wellSink(t)), "AUTOWEBINAR_TRUSTED_PROXIES=10.0.0.0/8")
	code, out, errs := ask(t, well, "check")
	assert.Equal(t, 0, code, errs)
	golden(t, "check-well.golden", out)

	x := newTable(t, 1)
	x.enter(t, 1, "intro")
	x.exec(t, "UPDATE wp_usermeta SET meta_key = 'autowebinar_outbox_dead' WHERE meta_key = 'autowebinar_outbox'")
	x.SetMeta(t, 1, "autowebinar_session_id", "twin")
	x.SetMeta(t, 2, "autowebinar_session_id", "orphan")
	x.exec(t, "GRANT SELECT ON wp_options TO '"+x.Name+"'@'%'")
	x.exec(t, "REVOKE DELETE ON wp_usermeta FROM '"+x.Name+"'@'%'")
	x.exec(t, "ALTER TABLE wp_usermeta CONVERT TO CHARACTER SET latin1, ENGINE=MyISAM")
	ill := replace(replace(x.env, "WORDPRESS_NONCE_SALT=c"), "WORDPRESS_AUTH_KEY=put your unique phrase here")
	code, out, errs = ask(t, ill, "check")
	assert.Equal(t, 1, code, errs)
	golden(t, "check-ill.golden", out)
	_, out, _ = ask(t, ill, "check", "--json")
	golden(t, "check-ill.golden.json", out)

	code, out, errs = ask(t, []string{"AUTOWEBINAR_HEARTBEET_SEC=5"}, "check")
	assert.Equal(t, 1, code, "nothing but the configuration can be looked at")
	assert.Empty(t, errs)
	golden(t, "check-unconfigured.golden", out)
}

func TestCheckFindsTroubleInTheDatabase(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		damage string
		states map[string]doctor.State
	}{
		"a grant is missing":       {"REVOKE INSERT ON wp_usermeta FROM {account}", map[string]doctor.State{"write grants": doctor.Fail}},
		"users cannot be read":     {"REVOKE SELECT ON wp_users FROM {account}", map[string]doctor.State{"users table": doctor.Fail, "write grants": doctor.Fail, "rows": doctor.Unknown}},
		"too much is granted":      {"GRANT ALL ON {db}.* TO {account}", map[string]doctor.State{"least privilege": doctor.Warn, "grants": doctor.Warn}},
		"MyISAM":                   {"ALTER TABLE wp_usermeta ENGINE=MyISAM", map[string]doctor.State{"engine": doctor.Fatal}},
		"an index is gone":         {"ALTER TABLE wp_usermeta DROP INDEX meta_key", map[string]doctor.State{"indexes": doctor.Fatal, "rows": doctor.Unknown}},
		"a collation of two bytes": {"ALTER TABLE wp_usermeta CONVERT TO CHARACTER SET utf16", map[string]doctor.State{"collation": doctor.Fail}},
		"AUTO_INCREMENT is gone":   {"ALTER TABLE wp_usermeta MODIFY umeta_id bigint unsigned NOT NULL", map[string]doctor.State{"columns": doctor.Fail}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := mariadbtest.New(t)
			_, err := x.SQL.ExecContext(t.Context(), strings.NewReplacer("{account}", "'"+x.Name+"'@'%'", "{db}", x.Name).Replace(test.damage))
			require.NoError(t, err)
			before := x.Checksum(t)
			_, found := examine(t, environ(x, wellSink(t)))
			assert.Equal(t, before, x.Checksum(t), "check changes nothing")
			for name, state := range test.states {
				assert.Equal(t, state, found[name].State, "%+v", found[name])
			}
		})
	}
	t.Run("it is not there", func(t *testing.T) {
		t.Parallel()
		env := replace(environ(mariadbtest.New(t), wellSink(t)), "AUTOWEBINAR_DB_DSN=nobody:nothing@tcp(127.0.0.1:1)/wordpress")
		_, found := examine(t, env)
		assert.Equal(t, doctor.Fail, found["connection"].State)
		assert.Equal(t, doctor.OK, found["receiver"].State, "the rest is looked at")
	})
}

func TestCheckFindsTroubleWithTheServer(t *testing.T) {
	t.Parallel()
	clock := servicetest.NewDatabaseClock(t)
	db, _ := mariadbtest.NewWithServer(t, mariadbd.Config{Args: []string{"--log-bin", "--server-id=1", "--binlog-format=ROW"}, Env: clock.Env})
	admin, env := db.SQL, environ(db, wellSink(t))
	_, found := examine(t, env)
	assert.Equal(t, doctor.OK, found["binary log"].State)
	assert.Equal(t, doctor.OK, found["clock"].State, found["clock"].Detail)

	_, err := admin.Exec("SET GLOBAL binlog_format = 'STATEMENT'")
	require.NoError(t, err)
	_, found = examine(t, env)
	assert.Equal(t, doctor.Fatal, found["binary log"].State)
	_, err = admin.Exec("SET GLOBAL binlog_format = 'MIXED'")
	require.NoError(t, err)

	_, err = admin.Exec("SET GLOBAL read_only = 1")
	require.NoError(t, err)
	_, found = examine(t, env)
	assert.Equal(t, doctor.Fail, found["writable"].State)
	assert.Equal(t, doctor.OK, found["rows"].State, "it can be read")
	_, err = admin.Exec("SET GLOBAL read_only = 0")
	require.NoError(t, err)

	clock.Set(t, -10*time.Minute)
	_, found = examine(t, env)
	assert.Equal(t, doctor.Warn, found["clock"].State)
	assert.Contains(t, found["clock"].Advice, "synchronise")
}

// A proxy that hands statements out to several connections loses named locks.
func TestCheckFindsNamedLocksThatDoNotHold(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	wire := servicetest.NewFaultProxy(t, servicetest.AddressOf(t, db.DSN))
	wire.AddRule(func(statement string) *servicetest.Reply {
		if strings.Contains(statement, "GET_LOCK") {
			return &servicetest.Reply{Number: 1235, Message: "GET_LOCK is not supported here"}
		}
		return nil
	})
	env := replace(environ(db, wellSink(t)), "AUTOWEBINAR_DB_DSN="+servicetest.WithAddress(t, db.DSN, wire.Address))
	_, found := examine(t, env)
	assert.Equal(t, doctor.Fail, found["named locks"].State)
	assert.Contains(t, found["named locks"].Advice, "no proxy")
	assert.Equal(t, doctor.Unknown, found["shared locks"].State)
}

func TestCheckFindsTroubleWithSaltsAndProxies(t *testing.T) {
	t.Parallel()
	well := environ(mariadbtest.New(t), wellSink(t))
	var missing []string
	for _, entry := range well {
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
		"a salt is missing":    {missing, "salts", doctor.Fail, "LOGGED_IN_SALT is missing"},
		"a salt is empty":      {replace(well, "WORDPRESS_NONCE_KEY="), "salts", doctor.Fail, "NONCE_KEY is empty"},
		"a salt is the sample": {replace(well, "WORDPRESS_NONCE_KEY=put your unique phrase here"), "salts", doctor.Fail, "NONCE_KEY is the sample phrase"},
		"a salt is repeated":   {replace(well, "WORDPRESS_NONCE_KEY=a"), "salts", doctor.Fail, "NONCE_KEY has the same value as AUTH_KEY"},
		"no proxy":             {well, "proxies", doctor.Warn, "no proxy is trusted"},
		"every proxy":          {replace(well, "AUTOWEBINAR_TRUSTED_PROXIES=0.0.0.0/0"), "proxies", doctor.Warn, "every address is trusted"},
		"one proxy":            {replace(well, "AUTOWEBINAR_TRUSTED_PROXIES=10.1.2.3"), "proxies", doctor.OK, "10.1.2.3/32"},
		"no events":            {replace(well, "AUTOWEBINAR_WEBHOOK_URL=off"), "receiver", doctor.Warn, "no event is ever written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, found := examine(t, test.env)
			assert.Equal(t, test.state, found[test.finding].State)
			assert.Contains(t, found[test.finding].Detail, test.detail)
		})
	}
}

func TestCheckFindsTroubleWithTheSink(t *testing.T) {
	t.Parallel()
	db := mariadbtest.New(t)
	answering := func(answer http.HandlerFunc) string {
		server := httptest.NewServer(answer)
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
	plain := answering(status(http.StatusOK))
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
		"it is dead":                 {"http://127.0.0.1:1/token-in-the-path", "receiver", doctor.Fail, "no answer from 127.0.0.1:1", "wait in the outbox"},
		"it has no address":          {"http://sink.invalid/token-in-the-path", "receiver", doctor.Fail, "no answer from sink.invalid", ""},
		"nobody knows its authority": {secure.URL + "/token-in-the-path", "receiver", doctor.Fail, "certificate", "SSL_CERT_FILE"},
		"it speaks no TLS":           {"https" + strings.TrimPrefix(plain, "http"), "receiver", doctor.Fail, "does not speak TLS", "http://"},
		"it redirects":               {answering(http.RedirectHandler("/elsewhere", http.StatusMovedPermanently).ServeHTTP), "receiver", doctor.Warn, "status 301", "final address"},
		"it fails":                   {answering(status(http.StatusBadGateway)), "receiver", doctor.Warn, "status 502", "failing"},
		"it is gone":                 {answering(status(http.StatusGone)), "receiver", doctor.Warn, "status 410", "gone"},
		"it refuses HEAD, as it may": {answering(status(http.StatusMethodNotAllowed)), "receiver", doctor.OK, "status 405", ""},
		"its clock is an hour behind": {answering(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		}), "receiver clock", doctor.Warn, "1h0m", "synchronise"},
		"it does not tell the time": {answering(func(w http.ResponseWriter, _ *http.Request) { w.Header()["Date"] = nil }), "receiver clock", doctor.Unknown, "no Date header", "synchronised"},
		"it does not answer":        {"http://" + silent.Addr().String() + "/token-in-the-path", "receiver", doctor.Fail, "within 10s", "wait in the outbox"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, found := examine(t, environ(db, test.url))
			f := found[test.finding]
			assert.Equal(t, test.state, f.State, "%+v", f)
			assert.Contains(t, f.Detail, test.detail)
			assert.Contains(t, f.Advice, test.advice)
		})
	}
}
