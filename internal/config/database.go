package config

import (
	"cmp"
	"errors"
	"maps"
	"regexp"
	"slices"

	"github.com/go-sql-driver/mysql"

	"autowebinar/internal/wordpress"
)

// isConnectionVariable reports whether AUTOWEBINAR_DB_DSN replaces a variable.
func isConnectionVariable(name string) bool {
	return slices.Contains([]string{dbHost, dbUser, dbPassword, dbName}, name)
}

// database sets the DSN and the defaults of the table names.
func (l *loader) database(c *Config) {
	if dsn := l.lookup(variableNamed(dbDSN)); dsn.state == absent {
		c.DSN = l.wordpressDSN()
	} else {
		c.DSN = l.parseDSN(dsn)
	}
	prefix := l.tablePrefix()
	c.UsersTable = cmp.Or(c.UsersTable, prefix+"users")
	c.UsermetaTable = cmp.Or(c.UsermetaTable, prefix+"usermeta")
	if c.UsersTable == c.UsermetaTable {
		l.problem(usersTable, ErrInvalid, "must differ from %s", usermetaTable)
	}
}

// parseDSN does not repeat the driver's error, which may contain a part of a
// password with a slash or an at sign.
func (l *loader) parseDSN(s setting) *mysql.Config {
	if s.state == unreadable {
		return nil
	}
	dsn, err := mysql.ParseDSN(s.text)
	switch {
	case err != nil || dsn.Net != "tcp" && dsn.Net != "unix":
		l.invalid(s, errors.New("must be a DSN like user:password@tcp(host:3306)/name?param=value or user:password@unix(/path.sock)/name"))
	case dsn.User == "":
		l.invalid(s, errors.New("must contain a user"))
	case dsn.DBName == "":
		l.invalid(s, errors.New("must contain a database name"))
	}
	return dsn
}

// wordpressDSN builds a DSN from the four WORDPRESS_DB_ variables. They have no
// defaults, because those of the WordPress image are only examples.
func (l *loader) wordpressDSN() *mysql.Config {
	dsn := mysql.NewConfig()
	dsn.User = l.requireNonEmpty(dbUser)
	dsn.DBName = l.requireNonEmpty(dbName)
	dsn.Passwd = l.lookupRequired(dbPassword).text
	if host := l.lookupRequired(dbHost); host.state == present {
		network, address, err := wordpress.ParseDBHost(host.text)
		if err != nil {
			l.invalid(host, errors.New("must be host, host:port, [IPv6]:port or localhost:/path.sock"))
		}
		dsn.Net, dsn.Addr = network, address
	}
	dsn.TLSConfig = l.wp.tls
	return dsn
}

func (l *loader) requireNonEmpty(name string) string {
	s := l.lookupRequired(name)
	if s.state == present && s.text == "" {
		l.problem(s.source, ErrInvalid, "must not be empty")
	}
	return s.text
}

func (l *loader) lookupRequired(name string) setting {
	s := l.lookup(variableNamed(name))
	if s.state == absent && !l.wp.unreadable {
		l.missing(name, "set it or "+dbDSN+", or define it in the file that "+wpConfig+" names")
	}
	return s
}

func (l *loader) tablePrefix() string {
	v := variableNamed(tablePrefix)
	s := l.lookup(v)
	if s.state != present {
		return v.def
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_]*$`).MatchString(s.text) {
		l.invalid(s, errors.New("must consist of letters, digits and _"))
	}
	return s.text
}

// salts sets all salts that are present, including empty ones.
func (l *loader) salts(c *Config) {
	c.Salts = map[string]string{}
	for _, name := range wordpress.SaltNames() {
		if s := l.lookup(variableNamed(wordpressPrefix + name)); s.state == present {
			c.Salts[name] = s.text
		}
	}
	maps.Copy(c.Salts, l.wp.secretKeys)
}
