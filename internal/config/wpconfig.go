package config

import (
	"slices"
	"strconv"

	"autowebinar/internal/wordpress"
)

// wpValues are the settings from wp-config.php.
type wpValues struct {
	values     map[string]setting // by variable
	secretKeys map[string]string  // SECRET_KEY and SECRET_SALT, which have no variable
	tls        string             // TLS mode of the driver
	unreadable bool               // the file is set but unusable
}

// readWPConfig reads the file that AUTOWEBINAR_WP_CONFIG names, if any.
// Messages do not quote it.
func (l *loader) readWPConfig() {
	s := l.lookup(variableNamed(wpConfig))
	if s.state != present {
		l.wp.unreadable = s.state == unreadable
		return
	}
	src, err := l.readFile(s.text)
	if err != nil {
		l.wp.unreadable = true
		l.problem(s.source, ErrFile, "%s", fileErrorText(err))
		return
	}
	file, err := wordpress.ParseConfig(src, l.getenv)
	if err != nil {
		l.wp.unreadable = true
		l.problem(s.source, ErrFile, "the file is no valid wp-config.php: it is larger than 1 MiB, or a string or comment in it is unterminated")
		return
	}
	l.readConstants(file)
	l.readClientFlags(file)
	for _, u := range file.Unreadable {
		l.reportUnreadable(u)
	}
}

// getenv looks up variables for wp-config.php, including their _FILE forms.
func (l *loader) getenv(name string) (string, bool) {
	s := l.lookup(variableNamed(name))
	return s.text, s.state == present
}

// variableForConstant returns the variable that a constant or $table_prefix is
// the fallback for, or "".
func variableForConstant(constant string) string {
	if name := wordpressPrefix + constant; isConnectionVariable(name) || slices.Contains(wordpress.SaltNames(), constant) {
		return name
	}
	return map[string]string{
		"$table_prefix": tablePrefix, "CUSTOM_USER_TABLE": usersTable, "CUSTOM_USER_META_TABLE": usermetaTable,
		"LOGGED_IN_COOKIE": cookieName,
	}[constant]
}

func (l *loader) readConstants(file wordpress.ConfigFile) {
	l.wp.values = map[string]setting{}
	set := func(constant, text string) {
		l.wp.values[variableForConstant(constant)] = setting{
			text: text, source: wpConfig, constant: constant, hidden: true, state: present,
		}
	}
	for constant, text := range file.Constants {
		if variableForConstant(constant) != "" && constant != "LOGGED_IN_COOKIE" { // see CookieName below
			set(constant, text)
		}
	}
	if file.TablePrefix != "" {
		set("$table_prefix", file.TablePrefix)
	}
	if name := file.CookieName(); name != "" {
		set("LOGGED_IN_COOKIE", name)
	}
	l.wp.secretKeys = map[string]string{}
	for _, name := range []string{"SECRET_KEY", "SECRET_SALT"} {
		if text, ok := file.Constants[name]; ok {
			l.wp.secretKeys[name] = text
		}
	}
}

// readClientFlags enables TLS if WordPress uses it. Like WordPress, it does not
// verify the certificate; AUTOWEBINAR_DB_DSN can.
func (l *loader) readClientFlags(file wordpress.ConfigFile) {
	const mysqliClientSSL = 2048
	if flags, _ := strconv.ParseUint(file.Constants["MYSQL_CLIENT_FLAGS"], 10, 32); flags&mysqliClientSSL != 0 {
		l.wp.tls = "skip-verify"
	}
}

// reportUnreadable reports a constant only if its value is needed and not set
// otherwise.
func (l *loader) reportUnreadable(u wordpress.Unreadable) {
	name := variableForConstant(u.Name)
	isDatabase := u.Name == "MYSQL_CLIENT_FLAGS" || isConnectionVariable(name)
	if isDatabase && l.lookup(variableNamed(dbDSN)).state != absent {
		return
	}
	switch {
	case name != "" && l.lookup(variableNamed(name)).state == absent:
		l.lookups[name] = setting{source: wpConfig, state: unreadable}
		l.problem(wpConfig, ErrInvalid, "%s; set %s instead", u, name)
	case isDatabase && name == "":
		l.problem(wpConfig, ErrInvalid, "%s; set %s instead, with tls= as needed", u, dbDSN)
	}
}
