package config

import (
	"strconv"
	"strings"

	"autowebinar/internal/wordpress"
)

// wpValues is what wp-config.php gives.
type wpValues struct {
	values     map[string]setting // by the variable that the value stands in for
	oldSecrets map[string]string  // SECRET_KEY and SECRET_SALT: they have no variable
	tls        string             // the driver's name for how WordPress connects
	broken     bool               // the file was named and could not be used
}

// readWPConfig reads the file that AUTOWEBINAR_WP_CONFIG names, if any. No
// message quotes it.
func (l *loader) readWPConfig() {
	s := l.lookup(find(wpConfig))
	if s.state != given {
		l.wp.broken = s.state == broken
		return
	}
	src, err := l.readFile(s.text)
	if err != nil {
		l.wp.broken = true
		l.problem(s.source, ErrFile, "%s", unreadable(err))
		return
	}
	file, err := wordpress.ParseConfig(src, l.getenv)
	if err != nil {
		l.wp.broken = true
		l.problem(s.source, ErrFile, "the file is no wp-config.php: above 1 MiB, or a string or comment in it has no end")
		return
	}
	l.takeValues(file)
	l.takeFlags(file)
	for _, u := range file.Unreadable {
		l.unreadableConstant(u)
	}
}

// getenv answers wp-config.php's own questions. It knows no _FILE names: what
// such a file holds is the answer for the plain name, as for any other setting.
func (l *loader) getenv(name string) (string, bool) {
	if strings.HasSuffix(name, fileSuffix) {
		return "", false
	}
	s := l.lookup(find(name))
	return s.text, s.state == given
}

// wpVariable is the variable that a constant, or $table_prefix, stands in for;
// empty: none.
func wpVariable(constant string) string {
	switch constant {
	case "DB_HOST", "DB_USER", "DB_PASSWORD", "DB_NAME":
		return wordpressPrefix + constant
	case "$table_prefix":
		return tablePrefix
	case "CUSTOM_USER_TABLE":
		return usersTable
	case "CUSTOM_USER_META_TABLE":
		return usermetaTable
	case "LOGGED_IN_COOKIE":
		return cookieName
	}
	for _, name := range wordpress.SaltNames() {
		if name == constant {
			return wordpressPrefix + name
		}
	}
	return ""
}

func (l *loader) takeValues(file wordpress.ConfigFile) {
	l.wp.values = map[string]setting{}
	take := func(constant, text string) {
		l.wp.values[wpVariable(constant)] = setting{
			text: text, source: wpConfig, constant: constant, hidden: true, state: given,
		}
	}
	for constant, text := range file.Constants {
		if wpVariable(constant) != "" {
			take(constant, text)
		}
	}
	if file.TablePrefix != "" {
		take("$table_prefix", file.TablePrefix)
	}
	if name := file.CookieName(); name != "" {
		take("LOGGED_IN_COOKIE", name)
	}
	l.wp.oldSecrets = map[string]string{}
	for _, name := range []string{"SECRET_KEY", "SECRET_SALT"} {
		if text, set := file.Constants[name]; set {
			l.wp.oldSecrets[name] = text
		}
	}
}

// takeFlags connects as WordPress does: with TLS and, as there, no check of the
// certificate. A DSN can ask for better.
func (l *loader) takeFlags(file wordpress.ConfigFile) {
	const mysqliClientSSL = 2048
	if flags, _ := strconv.ParseUint(file.Constants["MYSQL_CLIENT_FLAGS"], 10, 32); flags&mysqliClientSSL != 0 {
		l.wp.tls = "skip-verify"
	}
}

// unreadableConstant is a problem only where the value is needed and nothing
// else gives it.
func (l *loader) unreadableConstant(u wordpress.Unreadable) {
	name := wpVariable(u.Name)
	isDatabase := u.Name == "MYSQL_CLIENT_FLAGS"
	switch name {
	case dbHost, dbUser, dbPassword, dbName:
		isDatabase = true
	}
	if isDatabase && l.lookup(find(dbDSN)).state != absent {
		return
	}
	switch {
	case name != "" && l.lookup(find(name)).state == absent:
		l.found[name] = setting{source: wpConfig, state: broken}
		l.problem(wpConfig, ErrInvalid, "%s; set %s beside it", u, name)
	case isDatabase && name == "":
		l.problem(wpConfig, ErrInvalid, "%s; set %s instead, with tls= as needed", u, dbDSN)
	}
}
