package torture

import (
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

// person is a viewer with one or two devices. What they want follows from the
// seed; what they say in a report follows from what they were told.
type person struct {
	rig    *rig
	login  servicetest.Viewer
	byKey  bool // somebody asks for them, with a service key
	client *http.Client
	model  *model
}

// device is one browser of a person, which sends one request after another.
type device struct {
	*person
	number uint64 // of this device, among those of all
	rng    *rand.Rand
}

// The answers that mean that nothing was decided.
var passing = map[int]bool{http.StatusServiceUnavailable: true}

// maxDoubts is how many lost answers a viewer leaves behind before they wait.
const maxDoubts = 5

// use uses the service until ctx ends. Each wish has dice of its own: what became
// of those before does not change what is wanted next.
func (d *device) use(ctx context.Context, mean time.Duration) {
	for n := uint64(0); ctx.Err() == nil; n++ {
		d.rng = rand.New(rand.NewPCG(d.rig.seed, d.number<<32|n))
		if d.model.doubts() < maxDoubts {
			d.want(ctx, d.wish())
		}
		d.sleep(ctx, time.Duration(d.rng.ExpFloat64()*float64(mean)))
	}
}

func (d *device) sleep(ctx context.Context, t time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(t):
	}
}

// want sends a wish, and again if no answer came, as the player does.
func (d *device) want(ctx context.Context, w wish) {
	wait := 100 * time.Millisecond
	stubborn := w.deed != progress && w.deed != look && d.rng.IntN(5) > 0
	for {
		impatient := time.Duration(0)
		if d.rng.IntN(25) == 0 {
			impatient = time.Duration(d.rng.IntN(20)) * time.Millisecond
		}
		r := d.try(w, impatient)
		if r != nil || !stubborn || d.model.doubts() >= maxDoubts {
			return
		}
		if d.sleep(ctx, wait); ctx.Err() != nil {
			return
		}
		wait *= 2
	}
}

// try sends a wish once, to any replica. nil: nobody knows what became of it.
func (d *device) try(w wish, impatient time.Duration) *reply {
	return d.tryAt(d.rig.one(), w, impatient)
}

func (d *device) tryAt(p *replica, w wish, impatient time.Duration) *reply {
	request, err := d.request(p, w)
	if err != nil {
		panic(err)
	}
	// A viewer who leaves does not wait, but what they said was said.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if impatient > 0 {
		defer time.AfterFunc(impatient, cancel).Stop()
	}
	d.rig.requests.Add(1)
	a := d.model.send(w)
	r, err := d.exchange(request.WithContext(ctx))
	switch dial := new(net.OpError); {
	case err != nil && errors.As(err, &dial) && dial.Op == "dial":
		d.model.unsend(a)
		return nil
	case err != nil || passing[r.status]:
		if errors.Is(err, errNoJSON) {
			d.model.note(fmt.Sprintf("user %d: %s was answered in full: %v", d.login.ID, w.deed, err))
		}
		if err == nil {
			d.rig.refused.Add(1)
			if r.header.Get("Retry-After") == "" {
				d.model.note("503 without Retry-After")
			}
		}
		d.rig.unacked.Add(1)
		d.model.lose(a)
		return nil
	}
	d.rig.acked.Add(1)
	d.model.answered(a, r)
	return r
}

var errNoJSON = errors.New("not what the contract has")

func (d *device) exchange(request *http.Request) (*reply, error) {
	res, err := d.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	r := &reply{status: res.StatusCode, header: res.Header}
	if err := json.Unmarshal(body, r); err != nil {
		return nil, fmt.Errorf("%w: %d %.200q: %w", errNoJSON, res.StatusCode, body, err)
	}
	return r, nil
}

func (d *device) request(p *replica, w wish) (*http.Request, error) {
	url := p.service.Load().URL + "/wp-json/autowebinar/v1"
	if d.byKey && w.deed != attendance {
		url += "/users/" + strconv.FormatUint(d.login.ID, 10)
	}
	url += "/" + string(w.deed)
	method := http.MethodPost
	if w.deed == look {
		method, url = http.MethodGet, url+"?webinar_id="+string(w.webinar)
	}
	request, err := http.NewRequest(method, url, strings.NewReader(w.body(d.login.ID)))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if d.byKey || w.deed == attendance {
		request.Header.Set("Authorization", "Bearer "+servicetest.ServiceKey)
	} else {
		request.Header.Set("Cookie", d.login.Cookie)
		request.Header.Set("X-WP-Nonce", d.login.Nonce)
	}
	return request, nil
}

// wish is the next thing that the viewer wants.
func (d *device) wish() wish {
	w := wish{webinar: []webinar.ID{"intro", "intro", "pro", "talk"}[d.rng.IntN(4)]}
	dice := d.rng.IntN(100)
	known, entered := d.model.told(w.webinar)
	if eager, wanted := dices[d.rig.needs.eager]; wanted && entered && d.rng.IntN(3) == 0 {
		dice = eager
	}
	if !entered && dice < 70 {
		dice = 70 + dice*20/70 // enter or register first, mostly
	}
	if entered && d.rng.IntN(2) == 0 {
		w.session, w.webinar = known.SessionID, ""
	}
	switch {
	case dice < 50:
		w.deed, w.report = progress, d.report(known)
	case dice < 58:
		w.deed, w.reason = exit, []webinar.LeaveReason{webinar.UserExit, webinar.SessionEnd, webinar.NetworkLoss}[d.rng.IntN(3)]
		if d.rng.IntN(2) == 0 {
			w.report = d.report(known)
		}
	case dice < 63:
		w.deed = cta
		if d.rng.IntN(2) == 0 {
			w.report = &webinar.Report{Position: known.Furthest}
		}
	case dice < 70:
		w.deed = resume
	case dice < 82:
		w.deed = enter
	case dice < 90:
		w.deed = register
	case dice < 94:
		w.deed, w.id = attendance, d.uuid()
		if d.rng.IntN(4) == 0 {
			w.id = uuid.Nil
		}
	case dice < 97:
		w.deed, w.id = form, d.uuid()
	default:
		w.deed = look
	}
	if w.deed == resume || w.deed == enter || w.deed == register || w.deed == look || w.deed == attendance {
		if w.session = ""; w.webinar == "" {
			w.webinar = known.WebinarID
		}
	}
	return w
}

// dices give a deed for sure.
var dices = map[deed]int{exit: 50, attendance: 90, form: 94}

// report is mostly honest.
func (d *device) report(known view) *webinar.Report {
	// The database's clock may be ahead of ours.
	watched := known.Furthest + int64(14*max(time.Since(timeOf(known.LastSeenAt)), 0).Seconds())
	switch dice := d.rng.IntN(20); {
	case dice < 13:
		return &webinar.Report{Position: min(watched, 150)}
	case dice < 15: // to where they have not been
		return &webinar.Report{Position: min(watched+int64(d.rng.IntN(300)), webinar.MaxSeconds)}
	case dice < 18:
		return &webinar.Report{Position: int64(d.rng.IntN(int(known.Furthest) + 1)), Seeked: true}
	default:
		return &webinar.Report{Position: rules().Durations[known.WebinarID], Ended: true}
	}
}

// uuid is a UUIDv7, whose time is the fact's. Where the database's clock may be
// behind ours so is that time: one of the future would not be believed.
func (d *device) uuid() uuid.UUID {
	id := uuid.Must(uuid.NewV7())
	if d.rig.needs.stepped {
		early := time.Now().Add(-clockStep - time.Minute).UnixMilli()
		for i := range 6 {
			id[i] = byte(early >> (8 * (5 - i)))
		}
	}
	return id
}

// crowd is all viewers of a rig.
type crowd struct {
	people  []*person
	devices []*device
}

func newCrowd(r *rig) *crowd {
	c := &crowd{}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 10 * time.Second}
	r.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: 25 * time.Second}
	people := r.needs.people
	if people == 0 {
		people = 16
	}
	for i := range people {
		id := uint64(i + 1)
		p := &person{
			rig: r, login: servicetest.NewViewer(r, r.base, id), byKey: i%4 == 0,
			client: client, model: newModel(id, &r.clock, r.needs.calm),
		}
		c.people = append(c.people, p)
		devices := r.needs.devices
		if devices == 0 {
			devices = 1 + i%6/5
		}
		for n := range devices {
			c.devices = append(c.devices, &device{person: p, number: id<<8 | uint64(n), rng: rand.New(rand.NewPCG(r.seed, id<<8|uint64(n)))})
		}
	}
	return c
}

// use lets everybody use the service until ctx ends, and waits for the answers
// under way.
func (c *crowd) use(ctx context.Context, pause time.Duration) {
	if pause == 0 {
		pause = 60 * time.Millisecond
	}
	var wg sync.WaitGroup
	for _, d := range c.devices {
		wg.Go(func() { d.use(ctx, pause) })
	}
	wg.Wait()
}
