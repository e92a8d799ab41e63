package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"autowebinar/internal/config"
	"autowebinar/internal/usermeta"
)

const (
	sinkTimeout = 10 * time.Second
	sinkSkew    = time.Minute // receivers of Standard Webhooks allow for five
)

// inspectSink asks the sink for an answer, any answer, without an event.
func inspectSink(ctx context.Context, cfg config.Config) []usermeta.Finding {
	f := usermeta.Finding{Name: "sink", State: usermeta.OK}
	if cfg.WebhookURL == nil {
		f.State, f.Detail = usermeta.Warn, "AUTOWEBINAR_WEBHOOK_URL is off: no event is ever written"
		f.Advice = "set the address of the scenario engine"
		return []usermeta.Finding{f}
	}
	ctx, cancel := context.WithTimeout(ctx, sinkTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, cfg.WebhookURL.String(), nil)
	if err != nil {
		f.State, f.Detail, f.Advice = usermeta.Fail, "the address cannot be used", "check AUTOWEBINAR_WEBHOOK_URL"
		return []usermeta.Finding{f}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return []usermeta.Finding{connectFailure(f, cfg.WebhookURL.Host, err)}
	}
	defer res.Body.Close()
	now := time.Now()
	return []usermeta.Finding{sinkAnswer(f, cfg.WebhookURL, res), sinkTLS(cfg.WebhookURL, res, now), sinkClock(res, now)}
}

// noAnswer tells the kinds of failure apart. The address may hold a token, so
// only the host is named.
func connectFailure(f usermeta.Finding, host string, err error) usermeta.Finding {
	if wrapped := new(url.Error); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	f.State, f.Detail = usermeta.Fail, fmt.Sprintf("no answer from %s: %s", host, err)
	f.Advice = "events wait in the outbox until it answers; check the address, the network and that the engine runs"
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var expired x509.CertificateInvalidError
	var noTLS tls.RecordHeaderError
	var lookup *net.DNSError
	switch {
	case errors.As(err, &noTLS), errors.Is(err, http.ErrSchemeMismatch):
		f.Detail, f.Advice = fmt.Sprintf("%s does not speak TLS", host), "write http:// in AUTOWEBINAR_WEBHOOK_URL, or the port that has TLS"
	case errors.As(err, &authority):
		f.Advice = "its certificate is signed by nobody known here: complete its chain, or mount your authority's certificate into /etc/ssl/certs (SSL_CERT_FILE trusts that file and no other)"
	case errors.As(err, &name):
		f.Advice = "its certificate is for another name: use the name that it is for in AUTOWEBINAR_WEBHOOK_URL"
	case errors.As(err, &expired), errors.As(err, &certificate):
		f.Advice = "its certificate is not valid now: renew it, and check this machine's clock"
	case errors.As(err, &lookup):
		f.Advice = "its name has no address here: check AUTOWEBINAR_WEBHOOK_URL and the container's DNS"
	case errors.Is(err, context.DeadlineExceeded):
		f.Detail = fmt.Sprintf("no answer from %s within %s", host, sinkTimeout)
	}
	return f
}

func sinkAnswer(f usermeta.Finding, address *url.URL, res *http.Response) usermeta.Finding {
	f.Detail = fmt.Sprintf("%s answers (status %d to HEAD)", address.Host, res.StatusCode)
	switch {
	case res.StatusCode/100 == 3:
		f.State, f.Advice = usermeta.Warn, "redirects are not followed, so events would not arrive: set the final address in AUTOWEBINAR_WEBHOOK_URL"
	case res.StatusCode == http.StatusGone:
		f.State, f.Advice = usermeta.Warn, "it says that nobody listens there any more: check AUTOWEBINAR_WEBHOOK_URL"
	case res.StatusCode/100 == 5 && res.StatusCode != http.StatusNotImplemented:
		f.State, f.Advice = usermeta.Warn, "the engine, or a proxy before it, is failing: events wait in the outbox until it recovers"
	}
	return f
}

// sinkTLS warns before the certificate runs out.
func sinkTLS(address *url.URL, res *http.Response, now time.Time) usermeta.Finding {
	f := usermeta.Finding{Name: "sink tls", State: usermeta.OK}
	if res.TLS == nil {
		f.Detail = "not used: events are signed, but whoever is on the way can read them"
		if host := address.Hostname(); !isPrivate(host) {
			f.State, f.Advice = usermeta.Warn, "use https:// unless the whole way is your own network"
		}
		return f
	}
	until := res.TLS.PeerCertificates[0].NotAfter
	f.Detail = fmt.Sprintf("%s, certificate valid until %s", tls.VersionName(res.TLS.Version), until.UTC().Format(time.DateOnly))
	if until.Sub(now) < 7*24*time.Hour {
		f.State, f.Advice = usermeta.Warn, "renew the certificate: no event is delivered once it has expired"
	}
	return f
}

// isPrivate tells whether a host is on this machine or network, as far as its
// name shows: container names have no dot.
func isPrivate(host string) bool {
	ip := net.ParseIP(host)
	if ip == nil {
		for _, r := range host {
			if r == '.' {
				return false
			}
		}
		return true
	}
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
}

func sinkClock(res *http.Response, now time.Time) usermeta.Finding {
	f := usermeta.Finding{Name: "sink clock", State: usermeta.OK}
	at, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		f.State, f.Detail, f.Advice = usermeta.Unknown, "its answer has no Date", "see that both clocks are synchronised: receivers refuse signatures that are minutes old"
		return f
	}
	off := now.Sub(at).Round(time.Second)
	f.Detail = fmt.Sprintf("the sink is %s from this machine", off)
	if off.Abs() > sinkSkew {
		f.State, f.Advice = usermeta.Warn, "synchronise the clocks: receivers refuse signatures that are minutes old"
	}
	return f
}
