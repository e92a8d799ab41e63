package wordpress

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseDBHost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ host, network, address string }{
		"host":                     {"db", "tcp", "db:3306"},
		"host and port":            {"db:3307", "tcp", "db:3307"},
		"IPv4":                     {"127.0.0.1", "tcp", "127.0.0.1:3306"},
		"IPv6":                     {"::1", "tcp", "[::1]:3306"},
		"IPv6 in brackets":         {"[2001:DB8::1]", "tcp", "[2001:DB8::1]:3306"},
		"IPv6 and port":            {"[::1]:3307", "tcp", "[::1]:3307"},
		"localhost is a socket":    {"localhost", "unix", defaultSocket},
		"localhost ignores a port": {"localhost:3307", "unix", defaultSocket},
		"localhost in upper case":  {"LOCALHOST", "unix", defaultSocket},
		"localhost and socket":     {"localhost:/run/mysqld/mysqld.sock", "unix", "/run/mysqld/mysqld.sock"},
		"port and socket":          {"localhost:3307:/run/my.sock", "unix", "/run/my.sock"},
		"only a socket":            {":/run/my.sock", "unix", "/run/my.sock"},
		"socket with a colon":      {":/run/a:/b.sock", "unix", "/run/a:/b.sock"},
		"empty":                    {"", "unix", defaultSocket},
		"host and socket":          {"db:/run/my.sock", "tcp", "db:3306"},
		"host, port and socket":    {"db:3307:/run/my.sock", "tcp", "db:3307"},
		"IPv6, port and socket":    {"[::1]:3307:/run/my.sock", "tcp", "[::1]:3307"},
		"port zero is the default": {"db:0", "tcp", "db:3306"},
		"port with leading zeros":  {"db:03307", "tcp", "db:3307"},
		"port not a number":        {"db:mysql", "tcp", "db:3306"},
		"text after the address":   {"db:3307/wordpress", "tcp", "db:3307"},
		"cloud proxy":              {"localhost:/cloudsql/project:region:db", "unix", "/cloudsql/project:region:db"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network, address, err := ParseDBHost(tt.host)
			require.NoError(t, err)
			assert.Equal(t, tt.network, network)
			assert.Equal(t, tt.address, address)
		})
	}
}

func TestParseDBHostErrors(t *testing.T) {
	t.Parallel()
	for name, host := range map[string]string{
		"neither IPv6 nor host and port": "x:y:z",
		"name in brackets":               "[db]:3306",
		"port too large":                 "db:65536",
		"port much too large":            "[::1]:99999999999999999999",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := ParseDBHost(host)
			assert.ErrorIs(t, err, ErrDBHost)
		})
	}
}

func FuzzParseDBHost(f *testing.F) {
	for _, seed := range []string{"db:3307", "[::1]:3307", "localhost:/run/my.sock", ":/a", "::", "a:b:c", "db:99999", "]0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, dbHost string) {
		network, address, err := ParseDBHost(dbHost)
		switch {
		case err != nil:
			require.ErrorIs(t, err, ErrDBHost)
		case network == "unix":
			require.Equal(t, byte('/'), address[0])
		default:
			require.Equal(t, "tcp", network)
			host, port, err := net.SplitHostPort(address)
			require.NoError(t, err)
			require.NotEmpty(t, host)
			n, err := strconv.ParseUint(port, 10, 16)
			require.NoError(t, err)
			require.NotZero(t, n)
		}
	})
}
