package servicetest

import (
	"bytes"
	"log/slog"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// leaks returns the names of the secrets in a log: secrets of the instance's
// environment and of the viewers of NewViewer, and texts that look like a login.
func leaks(log string, env map[string]string) []string {
	var found []string
	for name, secret := range secretsOf(env) {
		if strings.Contains(log, secret) || strings.Contains(log, jsonEscaped(secret)) {
			found = append(found, name)
		}
	}
	for name, shape := range secretPatterns() {
		if shape.MatchString(log) {
			found = append(found, name)
		}
	}
	nonces := nonces(time.Now())
	for _, word := range regexp.MustCompile(`\b[0-9a-f]{10}\b`).FindAllString(log, -1) {
		if nonces[word] {
			return append(found, "a viewer's nonce")
		}
	}
	return found
}

// jsonEscaped returns a text as it occurs in a JSON log line.
func jsonEscaped(text string) string {
	var line bytes.Buffer
	slog.New(slog.NewJSONHandler(&line, nil)).Info(text)
	_, after, _ := strings.Cut(line.String(), `"msg":"`)
	return strings.TrimSuffix(after, "\"}\n")
}

// secretsOf returns the secrets in the settings of an instance, by name.
func secretsOf(env map[string]string) map[string]string {
	secrets := map[string]string{"the session token": SessionToken, "the password's hash": PasswordHash}
	for name, value := range env {
		isSecret := strings.HasSuffix(name, "_SALT") || strings.HasSuffix(name, "_SECRET") || strings.HasSuffix(name, "_PASSWORD") ||
			strings.HasSuffix(name, "_KEYS") || strings.HasPrefix(name, "WORDPRESS_") && strings.HasSuffix(name, "_KEY")
		if isSecret {
			for i, part := range strings.Split(value, ",") {
				secrets[name+" "+strconv.Itoa(i)] = strings.TrimPrefix(strings.TrimSpace(part), "whsec_")
			}
		}
	}
	if dsn, err := mysql.ParseDSN(env["AUTOWEBINAR_DB_DSN"]); err == nil {
		secrets["the database's password"] = dsn.Passwd
	}
	if receiver, err := url.Parse(env["AUTOWEBINAR_WEBHOOK_URL"]); err == nil && len(path.Base(receiver.Path)) >= tokenLength {
		secrets["the token of the receiver"] = path.Base(receiver.Path)
	}
	for name, secret := range secrets {
		if len(secret) < 8 {
			delete(secrets, name) // too short to search for: it may occur by chance
		}
	}
	return secrets
}

// tokenLength is the minimal length of a token at the end of a receiver's address.
const tokenLength = 16

func secretPatterns() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"a JWT":          regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}`),
		"a login cookie": regexp.MustCompile(`(?i)(\||%7C)[0-9]{10}(\||%7C)[A-Za-z0-9]{43}(\||%7C)[0-9a-f]{64}`),
	}
}

// knownViewers is the highest user id whose nonces are searched for.
const knownViewers = 2000

// nonces returns the valid nonces of the viewers of NewViewer.
func nonces(now time.Time) map[string]bool {
	all := map[string]bool{}
	for id := range uint64(knownViewers) {
		for _, tick := range []int64{nonceTick(now), nonceTick(now) - 1} {
			all[nonce(id+1, tick)] = true
		}
	}
	return all
}
