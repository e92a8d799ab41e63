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

// viewer is a user with one or more clients. What they send follows from the seed,
// and the reports from the responses.
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
	number uint64 // unique in the crowd
	rng    *rand.Rand
}

// maxUnanswered is with how many unanswered requests a viewer sends no more.
const maxUnanswered = 5

// run uses the service until ctx ends. Each request has its own random numbers, so
// that the effects of earlier ones do not change what is requested next.
func (d *client) run(ctx context.Context, mean time.Duration) {
	for n := uint64(0); ctx.Err() == nil; n++ {
		d.rng = rand.New(rand.NewPCG(d.rig.seed, d.number<<32|n))
		if d.model.unansweredCount() < maxUnanswered {
			d.sendWithRetry(ctx, d.nextRequest())
		}
		d.sleep(ctx, time.Duration(d.rng.ExpFloat64()*float64(mean)))
	}
}

func (d *client) sleep(ctx context.Context, t time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(t):
	}
}

// sendWithRetry sends a request, and repeats it if it is not answered, as the
// player does.
func (d *client) sendWithRetry(ctx context.Context, w request) {
	wait := 100 * time.Millisecond
	repeats := w.route != progress && w.route != readSession && d.rng.IntN(5) > 0
	for {
		timeout := time.Duration(0)
		if d.rng.IntN(25) == 0 {
			timeout = time.Duration(d.rng.IntN(20)) * time.Millisecond
		}
		r := d.send(w, timeout)
		if r != nil || !repeats || d.model.unansweredCount() >= maxUnanswered {
			return
		}
		if d.sleep(ctx, wait); ctx.Err() != nil {
			return
		}
		wait *= 2
	}
}

// send sends a request once, to any replica. It returns nil if it is not known
// whether the request was applied.
func (d *client) send(w request, timeout time.Duration) *response {
	return d.sendTo(d.rig.anyReplica(), w, timeout)
}

func (d *client) sendTo(p *replica, w request, timeout time.Duration) *response {
	request := d.httpRequest(p, w)
	// A viewer who leaves does not wait for the response.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if timeout > 0 {
		defer time.AfterFunc(timeout, cancel).Stop()
	}
	a := d.begin(w)
	r, err := d.do(request.WithContext(ctx))
	return d.end(a, r, err)
}

func (d *client) begin(w request) *attempt {
	d.rig.requests.Add(1)
	return d.model.send(w)
}

// end records the response to an attempt. A 503 says that nothing was decided.
func (d *client) end(a *attempt, r *response, err error) *response {
	switch dial := new(net.OpError); {
	case err != nil && errors.As(err, &dial) && dial.Op == "dial":
		d.model.discard(a)
		return nil
	case err != nil || r.status == http.StatusServiceUnavailable:
		if errors.Is(err, errMalformed) {
			d.model.addFailure(fmt.Sprintf("user %d: %s: %v", d.login.ID, a.route, err))
		}
		if err == nil {
			d.rig.rejected.Add(1)
			if r.header.Get("Retry-After") == "" {
				d.model.addFailure("503 without Retry-After")
			}
		}
		d.rig.unanswered.Add(1)
		d.model.giveUp(a)
		return nil
	}
	d.rig.acknowledged.Add(1)
	d.model.recordResponse(a, r)
	return r
}

var errMalformed = errors.New("malformed response")

func (d *client) do(request *http.Request) (*response, error) {
	res, err := d.http.Do(request)
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

func (d *client) httpRequest(p *replica, w request) *http.Request {
	url := p.service.Load().URL + "/wp-json/autowebinar/v1"
	if d.usesServiceKey && w.route != attendance {
		url += "/users/" + strconv.FormatUint(d.login.ID, 10)
	}
	url += "/" + string(w.route)
	method := http.MethodPost
	if w.route == readSession {
		method, url = http.MethodGet, url+"?webinar_id="+string(w.webinar)
	}
	request, err := http.NewRequest(method, url, strings.NewReader(w.body(d.login.ID)))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if d.usesServiceKey || w.route == attendance {
		request.Header.Set("Authorization", "Bearer "+servicetest.ServiceKey)
	} else {
		request.Header.Set("Cookie", d.login.Cookie)
		request.Header.Set("X-WP-Nonce", d.login.Nonce)
	}
	return request
}

// nextRequest returns the next request of the viewer.
func (d *client) nextRequest() request {
	w := request{webinar: []webinar.ID{"intro", "intro", "pro", "talk"}[d.rng.IntN(4)]}
	dice := d.rng.IntN(100)
	known, entered := d.model.latestOf(w.webinar)
	if frequent, wanted := routeDice[d.rig.config.frequent]; wanted && entered && d.rng.IntN(3) == 0 {
		dice = frequent
	}
	if !entered && dice < 70 {
		dice = 70 + dice*20/70 // usually enter or register first
	}
	if entered && d.rng.IntN(2) == 0 {
		w.session, w.webinar = known.SessionID, ""
	}
	switch {
	case dice < 50:
		w.route, w.report = progress, d.nextReport(known)
	case dice < 58:
		w.route, w.reason = exit, []webinar.LeaveReason{webinar.UserExit, webinar.SessionEnd, webinar.NetworkLoss}[d.rng.IntN(3)]
		if d.rng.IntN(2) == 0 {
			w.report = d.nextReport(known)
		}
	case dice < 63:
		w.route = cta
		if d.rng.IntN(2) == 0 {
			w.report = &webinar.Report{Position: known.Furthest}
		}
	case dice < 70:
		w.route = resume
	case dice < 82:
		w.route = enter
	case dice < 90:
		w.route = register
	case dice < 94:
		w.route, w.id = attendance, d.uuid()
		if d.rng.IntN(4) == 0 {
			w.id = uuid.Nil
		}
	case dice < 97:
		w.route, w.id = form, d.uuid()
	default:
		w.route = readSession
	}
	if w.route == resume || w.route == enter || w.route == register || w.route == readSession || w.route == attendance {
		if w.session = ""; w.webinar == "" {
			w.webinar = known.WebinarID
		}
	}
	return w
}

// routeDice are numbers for which nextRequest chooses the route.
var routeDice = map[route]int{exit: 50, attendance: 90, form: 94}

// nextReport returns a report that is usually honest.
func (d *client) nextReport(known latestResponse) *webinar.Report {
	// LastSeenAt may be in the future: the database's clock may be ahead of ours.
	watched := known.Furthest + int64(14*max(time.Since(timeOf(known.LastSeenAt)), 0).Seconds())
	switch dice := d.rng.IntN(20); {
	case dice < 13:
		return &webinar.Report{Position: min(watched, 150)}
	case dice < 15: // to a position that was not watched
		return &webinar.Report{Position: min(watched+int64(d.rng.IntN(300)), webinar.MaxSeconds)}
	case dice < 18:
		return &webinar.Report{Position: int64(d.rng.IntN(int(known.Furthest) + 1)), Seeked: true}
	default:
		return &webinar.Report{Position: rules().Durations[known.WebinarID], Ended: true}
	}
}

// uuid returns a UUIDv7, whose time is that of the event. If the database's clock
// may be behind ours, so is that time: the service ignores times in the future.
func (d *client) uuid() uuid.UUID {
	id := uuid.Must(uuid.NewV7())
	if d.rig.config.databaseClock {
		early := time.Now().Add(-clockStep - time.Minute).UnixMilli()
		for i := range 6 {
			id[i] = byte(early >> (8 * (5 - i)))
		}
	}
	return id
}

// crowd is all viewers of a rig.
type crowd struct {
	viewers []*viewer
	clients []*client
}

const (
	usualViewers = 16
	usualPause   = 60 * time.Millisecond
)

func newCrowd(r *rig) *crowd {
	c := &crowd{}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}
	r.Cleanup(transport.CloseIdleConnections)
	httpClient := &http.Client{Transport: transport, Timeout: 25 * time.Second}
	for i := range cmp.Or(r.config.viewers, usualViewers) {
		id := uint64(i + 1)
		v := &viewer{
			rig: r, login: servicetest.NewViewer(r, r.base, id), usesServiceKey: i%4 == 0,
			http: httpClient, model: newModel(id, &r.clock, r.config.appliedOnce),
		}
		c.viewers = append(c.viewers, v)
		for n := range cmp.Or(r.config.clients, 1+i%6/5) {
			c.clients = append(c.clients, &client{viewer: v, number: id<<8 | uint64(n), rng: rand.New(rand.NewPCG(r.seed, id<<8|uint64(n)))})
		}
	}
	return c
}

// run lets all clients use the service until ctx ends, and waits for responses to
// the requests in flight.
func (c *crowd) run(ctx context.Context, pause time.Duration) {
	var wg sync.WaitGroup
	for _, d := range c.clients {
		wg.Go(func() { d.run(ctx, cmp.Or(pause, usualPause)) })
	}
	wg.Wait()
}
