package torture

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"autowebinar/internal/servicetest"
	"autowebinar/internal/webinar"
)

// viewer is a user with one or more clients. The seed determines the requests, and the
// responses determine the positions in them.
type viewer struct {
	rig            *rig
	login          servicetest.Viewer
	usesServiceKey bool // a back end sends the requests
	http           *http.Client
	model          *model
}

// client is one browser of a viewer. It sends one request after another.
type client struct {
	*viewer
	number uint64 // unique in the group
	rng    *rand.Rand
}

// maxUnanswered is the number of unanswered requests at which a viewer stops sending.
const maxUnanswered = 5

// run sends requests until ctx ends. Each request has its own random numbers, so that
// the responses to earlier requests do not change the sequence.
func (c *client) run(ctx context.Context, mean time.Duration) {
	for n := uint64(0); ctx.Err() == nil; n++ {
		c.rng = rand.New(rand.NewPCG(c.rig.seed, c.number<<32|n))
		if c.model.unansweredCount() < maxUnanswered {
			c.sendWithRetry(ctx, c.nextRequest())
		}
		c.sleep(ctx, time.Duration(c.rng.ExpFloat64()*float64(mean)))
	}
}

func (c *client) sleep(ctx context.Context, t time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(t):
	}
}

// sendWithRetry sends a request and repeats it while there is no response, as the player
// does.
func (c *client) sendWithRetry(ctx context.Context, req request) {
	wait := 100 * time.Millisecond
	repeats := req.route != progress && req.route != readSession && c.rng.IntN(5) > 0
	for {
		timeout := time.Duration(0)
		if c.rng.IntN(25) == 0 {
			timeout = time.Duration(c.rng.IntN(20)) * time.Millisecond
		}
		r := c.send(req, timeout)
		if r != nil || !repeats || c.model.unansweredCount() >= maxUnanswered {
			return
		}
		if c.sleep(ctx, wait); ctx.Err() != nil {
			return
		}
		wait *= 2
	}
}

// send sends a request once, to any replica. It returns nil if it is not known
// whether the request was applied.
func (c *client) send(req request, timeout time.Duration) *response {
	return c.sendTo(c.rig.anyReplica(), req, timeout)
}

func (c *client) sendTo(rep *replica, req request, timeout time.Duration) *response {
	httpRequest := c.httpRequest(rep, req)
	// The timeout cancels the request, as a browser does when its page is closed.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if timeout > 0 {
		defer time.AfterFunc(timeout, cancel).Stop()
	}
	a := c.begin(req)
	r, err := c.do(httpRequest.WithContext(ctx))
	return c.end(a, r, err)
}

// mustSend sends a request to a replica until there is a response, and fails the test if
// there is none within a minute: on a busy machine the service may respond with 503.
func (c *client) mustSend(rep *replica, req request) *response {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var r *response
	if !c.rig.waitUntil(ctx, func() bool { r = c.sendTo(rep, req, 0); return r != nil }) {
		c.rig.Errorf("user %d: no response to %s", c.login.ID, req.route)
	}
	return r
}

func (c *client) begin(req request) *attempt {
	c.rig.requests.Add(1)
	return c.model.send(req)
}

// end records the response to an attempt. It returns nil if the request may or may not
// have been applied, as after a 503.
func (c *client) end(a *attempt, r *response, err error) *response {
	switch dial := new(net.OpError); {
	case err != nil && errors.As(err, &dial) && dial.Op == "dial":
		c.model.discard(a)
		return nil
	case err != nil || r.status == http.StatusServiceUnavailable:
		if errors.Is(err, errMalformed) {
			c.model.addFailure(fmt.Sprintf("user %d: %s: %v", c.login.ID, a.route, err))
		}
		if err == nil {
			c.rig.rejected.Add(1)
			if r.header.Get("Retry-After") == "" {
				c.model.addFailure("503 without Retry-After")
			}
		}
		c.rig.unanswered.Add(1)
		c.model.recordNoResponse(a)
		return nil
	}
	c.rig.acknowledged.Add(1)
	c.model.recordResponse(a, r)
	return r
}

var errMalformed = errors.New("malformed response")

func (c *client) do(request *http.Request) (*response, error) {
	res, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	return decode(res)
}

func decode(res *http.Response) (*response, error) {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	r := &response{status: res.StatusCode, header: res.Header}
	if err := json.Unmarshal(body, r); err != nil {
		return nil, fmt.Errorf("%w: %d %.200q: %w", errMalformed, res.StatusCode, body, err)
	}
	return r, nil
}

func (c *client) httpRequest(rep *replica, req request) *http.Request {
	url := rep.service.Load().URL + "/wp-json/autowebinar/v1"
	if c.usesServiceKey && req.route != attendance {
		url += "/users/" + strconv.FormatUint(c.login.ID, 10)
	}
	url += "/" + string(req.route)
	method := http.MethodPost
	if req.route == readSession {
		method, url = http.MethodGet, url+"?webinar_id="+string(req.webinar)
	}
	request, err := http.NewRequest(method, url, strings.NewReader(req.body(c.login.ID)))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if c.usesServiceKey || req.route == attendance {
		request.Header.Set("Authorization", "Bearer "+servicetest.ServiceKey)
	} else {
		request.Header.Set("Cookie", c.login.Cookie)
		request.Header.Set("X-WP-Nonce", c.login.Nonce)
	}
	return request
}

// nextRequest returns the next request of the viewer.
func (c *client) nextRequest() request {
	req := request{webinar: []webinar.ID{"intro", "intro", "pro", "talk"}[c.rng.IntN(4)]}
	dice := c.rng.IntN(100)
	known, entered := c.model.latestOf(req.webinar)
	if frequent, wanted := routeDice[c.rig.config.frequent]; wanted && entered && c.rng.IntN(3) == 0 {
		dice = frequent
	}
	if !entered && dice < 70 {
		dice = 70 + dice*20/70 // usually enter or register first
	}
	if entered && c.rng.IntN(2) == 0 {
		req.session, req.webinar = known.SessionID, ""
	}
	switch {
	case dice < 50:
		req.route, req.report = progress, c.nextReport(known)
	case dice < 58:
		req.route, req.reason = exit, []webinar.LeaveReason{webinar.UserExit, webinar.SessionEnd, webinar.NetworkLoss}[c.rng.IntN(3)]
		if c.rng.IntN(2) == 0 {
			req.report = c.nextReport(known)
		}
	case dice < 63:
		req.route = cta
		if c.rng.IntN(2) == 0 {
			req.report = &webinar.Report{Position: known.Furthest}
		}
	case dice < 70:
		req.route = resume
	case dice < 82:
		req.route = enter
	case dice < 90:
		req.route = register
	case dice < 94:
		req.route, req.id = attendance, c.uuid()
		if c.rng.IntN(4) == 0 {
			req.id = uuid.Nil
		}
	case dice < 97:
		req.route, req.id = form, c.uuid()
	default:
		req.route = readSession
	}
	if req.route == resume || req.route == enter || req.route == register || req.route == readSession || req.route == attendance {
		if req.session = ""; req.webinar == "" {
			req.webinar = known.WebinarID
		}
	}
	return req
}

// routeDice are numbers for which nextRequest chooses the route.
var routeDice = map[route]int{exit: 50, attendance: 90, form: 94}

// nextReport returns a report that is usually honest.
func (c *client) nextReport(known latestResponse) *webinar.Report {
	// LastSeenAt may be in the future, because the database's clock may be ahead
	// of the tests'.
	watched := known.Furthest + int64(14*max(time.Since(timeOf(known.LastSeenAt)), 0).Seconds())
	switch dice := c.rng.IntN(20); {
	case dice < 13:
		return &webinar.Report{Position: min(watched, 150)}
	case dice < 15: // to a position that was not watched
		return &webinar.Report{Position: min(watched+int64(c.rng.IntN(300)), webinar.MaxSeconds)}
	case dice < 18:
		return &webinar.Report{Position: int64(c.rng.IntN(int(known.Furthest) + 1)), Seeked: true}
	default:
		return &webinar.Report{Position: rules().Durations[known.WebinarID], Ended: true}
	}
}

// uuid returns a UUIDv7, whose time becomes that of the event. The service ignores times
// in the future, so the time is earlier if the database's clock may be set back.
func (c *client) uuid() uuid.UUID {
	id := uuid.Must(uuid.NewV7())
	if c.rig.config.databaseClock {
		early := time.Now().Add(-clockStep - time.Minute).UnixMilli()
		for i := range 6 {
			id[i] = byte(early >> (8 * (5 - i)))
		}
	}
	return id
}

// viewerGroup contains the viewers of a rig and their clients.
type viewerGroup struct {
	viewers []*viewer
	clients []*client
}

const (
	usualViewers = 16
	usualPause   = 60 * time.Millisecond
)

func newViewerGroup(r *rig) *viewerGroup {
	group := &viewerGroup{}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}
	r.Cleanup(transport.CloseIdleConnections)
	httpClient := &http.Client{Transport: transport, Timeout: 25 * time.Second}
	for i := range cmp.Or(r.config.viewers, usualViewers) {
		id := uint64(i + 1)
		v := &viewer{
			rig: r, login: servicetest.NewViewer(r, r.base, id), usesServiceKey: i%4 == 0,
			http: httpClient, model: newModel(id, &r.clock, r.config.appliedOnce),
		}
		group.viewers = append(group.viewers, v)
		for n := range cmp.Or(r.config.clients, 1+i%6/5) {
			group.clients = append(group.clients, &client{viewer: v, number: id<<8 | uint64(n), rng: rand.New(rand.NewPCG(r.seed, id<<8|uint64(n)))})
		}
	}
	return group
}

// run lets all clients send requests until ctx ends, and waits for the responses to
// those in flight.
func (group *viewerGroup) run(ctx context.Context, pause time.Duration) {
	var wg sync.WaitGroup
	for _, client := range group.clients {
		wg.Go(func() { client.run(ctx, cmp.Or(pause, usualPause)) })
	}
	wg.Wait()
}
