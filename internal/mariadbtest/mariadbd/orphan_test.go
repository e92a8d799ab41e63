package mariadbd_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/mariadbtest/mariadbd"
)

const childEnv = "AUTOWEBINAR_MARIADBD_CHILD"

// TestMain starts a server in the child process of the test below, which is killed
// before it can stop it.
func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	server, err := mariadbd.Start(context.Background(), mariadbd.Config{})
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(server.Addr(), filepath.Dir(server.Socket()))
	select {}
}

func TestServerDiesWithItsParent(t *testing.T) {
	t.Parallel()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"=1")
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	t.Cleanup(func() { _ = child.Process.Kill() })

	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	addr, home, found := strings.Cut(strings.TrimSpace(line), " ")
	require.True(t, found, line)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err, "the server is running")
	conn.Close()

	require.NoError(t, child.Process.Kill())
	_ = child.Wait()

	assert.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			return false
		}
		_, err = os.Stat(home)
		return os.IsNotExist(err)
	}, time.Minute, 20*time.Millisecond, "the server and its folder do not exist any more")
}
