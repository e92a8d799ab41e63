package wordpress

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// ErrDBHost means that a DB_HOST contains no valid address.
var ErrDBHost = errors.New("wordpress: invalid DB_HOST")

// defaultSocket is the path that PHP uses on Debian and Ubuntu if DB_HOST is
// `localhost`.
const defaultSocket = "/var/run/mysqld/mysqld.sock"

var (
	hostPattern = regexp.MustCompile(`^([^:/]*)(?::([0-9]+))?`)
	ipv6Pattern = regexp.MustCompile(`^\[?([0-9a-fA-F:]+)(?:\]:([0-9]+))?`)
)

// ParseDBHost parses DB_HOST by the rules of wpdb and mysqlnd. The network is
// "tcp" with an address `host:port`, or "unix" with a path. An empty host and
// `localhost` mean a socket, and their port is ignored; for any other host, a
// socket is ignored. The port defaults to 3306. As in WordPress, text after a
// valid address is ignored.
//
//	db  db:3307  ::1  [::1]:3307  localhost:/run/mysqld/mysqld.sock  :/run/my.sock
func ParseDBHost(dbHost string) (network, address string, err error) {
	rest, socket := dbHost, ""
	if i := strings.Index(dbHost, ":/"); i >= 0 {
		rest, socket = dbHost[:i], dbHost[i+1:]
	}
	pattern := hostPattern
	if strings.Count(rest, ":") > 1 {
		pattern = ipv6Pattern
	}
	match := pattern.FindStringSubmatch(rest)
	if match == nil {
		return "", "", fmt.Errorf("%w: %q", ErrDBHost, dbHost)
	}
	host := match[1]
	// "0" is empty for PHP.
	if host == "" || host == "0" || strings.EqualFold(host, "localhost") {
		if socket == "" {
			socket = defaultSocket
		}
		return "unix", socket, nil
	}
	if strings.ContainsAny(host, "[]") {
		return "", "", fmt.Errorf("%w: %q", ErrDBHost, dbHost)
	}
	port, err := strconv.ParseUint(cmp.Or(match[2], "0"), 10, 16)
	if err != nil {
		return "", "", fmt.Errorf("%w: %q: port %s", ErrDBHost, dbHost, match[2])
	}
	return "tcp", net.JoinHostPort(host, strconv.FormatUint(cmp.Or(port, 3306), 10)), nil
}
