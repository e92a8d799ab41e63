package config

import (
	"errors"
	"maps"
	"regexp"

	"github.com/go-sql-driver/mysql"

	"autowebinar/internal/wordpress"
)

// database sets how to reach the database and what its tables are called.
func (l *loader) database(c *Config) {
	if dsn := l.lookup(find(dbDSN)); dsn.state == absent {
		c.DSN = l.wordpressDSN()
	} else {
		c.DSN = l.givenDSN(dsn)
	}
	prefix := l.prefix()
	c.UsersTable = l.table(usersTable, prefix+"users")
	c.UsermetaTable = l.table(usermetaTable, prefix+"usermeta")
	if c.UsersTable != "" && c.UsersTable == c.UsermetaTable {
		l.problem(usersTable, ErrInvalid, "must not be the table that %s names", usermetaTable)
	}
}

// givenDSN does not repeat the driver's error: where a password holds a slash
// or an at sign, a part of it may stand in there.
func (l *loader) givenDSN(s setting) *mysql.Config {
	if s.state == broken {
		return nil
	}
	dsn, err := mysql.ParseDSN(s.text)
	switch {
	case err != nil || dsn.Net != "tcp" && dsn.Net != "unix":
		l.invalid(s, errors.New("must be a DSN of the form user:password@tcp(host:3306)/name?param=value or user:password@unix(/path.sock)/name"))
	case dsn.User == "":
		l.invalid(s, errors.New("must name a user"))
	case dsn.DBName == "":
		l.invalid(s, errors.New("must name a database"))
	}
	return dsn
}

// wordpressDSN joins the four WORDPRESS_DB_ variables. The image's own defaults
// are examples, so there are none here.
func (l *loader) wordpressDSN() *mysql.Config {
	dsn := mysql.NewConfig()
	dsn.User = l.notEmpty(dbUser)
	dsn.DBName = l.notEmpty(dbName)
	dsn.Passwd = l.databaseValue(dbPassword).text
	if host := l.databaseValue(dbHost); host.state == given {
		network, address, err := wordpress.ParseDBHost(host.text)
		if err != nil {
			l.invalid(host, errors.New("must be host, host:port, [IPv6]:port or localhost:/path.sock"))
		}
		dsn.Net, dsn.Addr = network, address
	}
	dsn.TLSConfig = l.wp.tls
	return dsn
}

func (l *loader) notEmpty(name string) string {
	s := l.databaseValue(name)
	if s.state == given && s.text == "" {
		l.problem(s.source, ErrInvalid, "must not be empty")
	}
	return s.text
}

func (l *loader) databaseValue(name string) setting {
	s := l.lookup(find(name))
	if s.state == absent && !l.wp.broken {
		l.missing(name, "it, or "+dbDSN+", or "+wpConfig)
	}
	return s
}

func (l *loader) prefix() string {
	v := find(tablePrefix)
	s := l.lookup(v)
	if s.state != given {
		return v.def
	}
	if !regexp.MustCompile(`^[A-Za-z0-9_]*$`).MatchString(s.text) {
		l.invalid(s, errors.New("must consist of letters, digits and _"))
	}
	return s.text
}

func (l *loader) table(name, standard string) string {
	s := l.lookup(find(name))
	if s.state != given {
		return standard
	}
	table, err := parseTable(s.text)
	if err != nil {
		l.invalid(s, err)
	}
	return table
}

// salts keeps what is set, even to nothing: WordPress's rules say what that means.
func (l *loader) salts(c *Config) {
	c.Salts = map[string]string{}
	for _, name := range wordpress.SaltNames() {
		if s := l.lookup(find(wordpressPrefix + name)); s.state == given {
			c.Salts[name] = s.text
		}
	}
	maps.Copy(c.Salts, l.wp.oldSecrets)
}
