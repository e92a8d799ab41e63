package doctor

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
)

const (
	receiverTimeout = 10 * time.Second
	maxReceiverSkew = time.Minute // receivers of Standard Webhooks accept five
)

// checkReceiver sends a HEAD request, which is no event, and accepts any
// response.
func checkReceiver(ctx context.Context, cfg config.Config) []Finding {
	f := Finding{Name: "receiver", State: OK}
	if cfg.WebhookURL == nil {
		f.State, f.Detail = Warn, "AUTOWEBINAR_WEBHOOK_URL is off: no event is stored"
		f.Advice = "set the URL of the receiver"
		return []Finding{f}
	}
	ctx, cancel := context.WithTimeout(ctx, receiverTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, cfg.WebhookURL.String(), nil)
	if err != nil {
		f.State, f.Detail, f.Advice = Fail, "the URL cannot be used", "check AUTOWEBINAR_WEBHOOK_URL"
		return []Finding{f}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return []Finding{connectFailure(f, cfg.WebhookURL.Host, err)}
	}
	defer res.Body.Close()
	now := time.Now()
	return []Finding{receiverResponse(f, cfg.WebhookURL, res), receiverTLS(cfg.WebhookURL, res, now), receiverClock(res, now)}
}

// connectFailure explains why there was no response. It names only the host,
// because the URL may contain a token.
func connectFailure(f Finding, host string, err error) Finding {
	if wrapped := new(url.Error); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	f.State, f.Detail = Fail, fmt.Sprintf("no response from %s: %s", host, err)
	f.Advice = "events stay in the outbox until it responds; check the address, the network and that the receiver runs"
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var expired x509.CertificateInvalidError
	var noTLS tls.RecordHeaderError
	var lookup *net.DNSError
	switch {
	case errors.As(err, &noTLS), errors.Is(err, http.ErrSchemeMismatch):
		f.Detail, f.Advice = fmt.Sprintf("%s does not speak TLS", host), "use http:// in AUTOWEBINAR_WEBHOOK_URL, or a port with TLS"
	case errors.As(err, &authority):
		f.Advice = "its certificate is signed by an unknown authority: complete its chain, or mount your authority's certificate into /etc/ssl/certs (SSL_CERT_FILE trusts that file and no other)"
	case errors.As(err, &name):
		f.Advice = "its certificate is for another name: use that name in AUTOWEBINAR_WEBHOOK_URL"
	case errors.As(err, &expired), errors.As(err, &certificate):
		f.Advice = "its certificate is not valid now: renew it, and check this machine's clock"
	case errors.As(err, &lookup):
		f.Advice = "its name cannot be resolved: check AUTOWEBINAR_WEBHOOK_URL and the container's DNS"
	case errors.Is(err, context.DeadlineExceeded):
		f.Detail = fmt.Sprintf("no response from %s within %s", host, receiverTimeout)
	}
	return f
}

func receiverResponse(f Finding, address *url.URL, res *http.Response) Finding {
	f.Detail = fmt.Sprintf("%s responds (status %d to HEAD)", address.Host, res.StatusCode)
	switch {
	case res.StatusCode/100 == 3:
		f.State, f.Advice = Warn, "redirects are not followed, so events would not arrive: set the final address in AUTOWEBINAR_WEBHOOK_URL"
	case res.StatusCode == http.StatusGone:
		f.State, f.Advice = Warn, "the endpoint is gone (410): check AUTOWEBINAR_WEBHOOK_URL"
	case res.StatusCode/100 == 5 && res.StatusCode != http.StatusNotImplemented:
		f.State, f.Advice = Warn, "the receiver, or a proxy before it, is failing: events stay in the outbox until it recovers"
	}
	return f
}

// receiverTLS warns before the certificate expires.
func receiverTLS(address *url.URL, res *http.Response, now time.Time) Finding {
	f := Finding{Name: "receiver tls", State: OK}
	if res.TLS == nil {
		f.Detail = "no TLS: events are signed, but readable in transit"
		if host := address.Hostname(); !isPrivate(host) {
			f.State, f.Advice = Warn, "use https:// unless the traffic stays in a private network"
		}
		return f
	}
	until := res.TLS.PeerCertificates[0].NotAfter
	f.Detail = fmt.Sprintf("%s, certificate valid until %s", tls.VersionName(res.TLS.Version), until.UTC().Format(time.DateOnly))
	if until.Sub(now) < 7*24*time.Hour {
		f.State, f.Advice = Warn, "renew the certificate: no event is delivered once it has expired"
	}
	return f
}

// isPrivate reports whether a host seems to be on this machine or network:
// container names have no dot.
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

func receiverClock(res *http.Response, now time.Time) Finding {
	f := Finding{Name: "receiver clock", State: OK}
	at, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		f.State, f.Detail, f.Advice = Unknown, "the response has no Date header", "check that both clocks are synchronized: receivers reject signatures that are minutes old"
		return f
	}
	off := now.Sub(at).Round(time.Second)
	f.Detail = fmt.Sprintf("the receiver's clock differs by %s", off)
	if off.Abs() > maxReceiverSkew {
		f.State, f.Advice = Warn, "synchronize the clocks: receivers reject signatures that are minutes old"
	}
	return f
}
