package torture

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// preparedRequest is a request with an open connection. Sending it takes only a write,
// so that thousands can be sent at once on a busy machine.
type preparedRequest struct {
	client *client
	request
	text   []byte
	http   *http.Request
	conn   net.Conn
	reader *bufio.Reader
}

// prepareAll prepares a request to the first replica for each client.
func prepareAll(t *testing.T, clients []*client, requestOf func(i int) request) []*preparedRequest {
	t.Helper()
	const atOnce = 16
	prepared := make([]*preparedRequest, len(clients))
	var wg sync.WaitGroup
	for part := range atOnce {
		wg.Go(func() {
			for i := part; i < len(clients); i += atOnce {
				var err error
				prepared[i], err = clients[i].prepare(requestOf(i))
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	require.NotContains(t, prepared, (*preparedRequest)(nil))
	t.Cleanup(func() {
		for _, p := range prepared {
			p.conn.Close()
		}
	})
	return prepared
}

func (c *client) prepare(req request) (*preparedRequest, error) {
	p := &preparedRequest{client: c, request: req, http: c.httpRequest(c.rig.replicas[0], req)}
	var text bytes.Buffer
	if err := p.http.Write(&text); err != nil {
		return nil, err
	}
	p.text = text.Bytes()
	var err error
	if p.conn, err = net.Dial("tcp", p.http.URL.Host); err != nil {
		return nil, err
	}
	p.reader = bufio.NewReader(p.conn)
	// The service closes a new connection after a few seconds without a request, but
	// keeps one that it has used before.
	if _, err := io.WriteString(p.conn, "GET / HTTP/1.1\r\nHost: "+p.http.URL.Host+"\r\n\r\n"); err != nil {
		return nil, err
	}
	res, err := http.ReadResponse(p.reader, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return p, err
}

func (p *preparedRequest) send() *attempt {
	a := p.client.begin(p.request)
	_ = p.conn.SetDeadline(time.Now().Add(p.client.http.Timeout))
	_, _ = p.conn.Write(p.text) // receive returns the error
	return a
}

// receive returns the response, or nil if the request may or may not be applied.
func (p *preparedRequest) receive(a *attempt) *response {
	res, err := http.ReadResponse(p.reader, p.http)
	if err != nil {
		return p.client.end(a, nil, err)
	}
	r, err := decode(res)
	return p.client.end(a, r, err)
}
