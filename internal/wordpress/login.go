package wordpress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"autowebinar/internal/clock"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

var (
	// ErrNotLoggedIn means that no cookie of the request is a valid login.
	ErrNotLoggedIn = errors.New("wordpress: not logged in")
	// ErrForged is ErrNotLoggedIn for a cookie that WordPress did not sign.
	ErrForged = fmt.Errorf("%w: forged cookie", ErrNotLoggedIn)
	// ErrNotAccepted means that the caller accepted none of the valid logins.
	ErrNotAccepted = errors.New("wordpress: no login was accepted")
)

// The reasons for rejecting a cookie, for logs and tests, not for clients.
var (
	errMalformed = fmt.Errorf("%w: malformed cookie", ErrNotLoggedIn)
	errExpired   = fmt.Errorf("%w: expired cookie", ErrNotLoggedIn)
	errNoUser    = fmt.Errorf("%w: no such user", ErrForged)
	errSignature = fmt.Errorf("%w: wrong signature", ErrForged)
	errNoSession = fmt.Errorf("%w: no such session", ErrNotLoggedIn)
)

// Reason returns a label for the reason in an error of Verify, for logs and
// metrics. It is empty if the error contains none.
func Reason(err error) string {
	switch {
	case errors.Is(err, errMalformed):
		return "malformed_cookie"
	case errors.Is(err, errExpired):
		return "expired_cookie"
	case errors.Is(err, errNoUser), errors.Is(err, errSignature):
		return "forged_cookie"
	case errors.Is(err, errNoSession):
		return "ended_session"
	}
	return ""
}

const (
	cookiePrefix         = "wordpress_logged_in_"
	maxCookieLookups     = 4 // cookies of one request that may cost a query
	maxConcurrentLookups = 8 // so that a flood of forged cookies cannot exhaust the connection pool

	verifyTimeout = 3 * time.Second
	maxCacheFor   = 30 * time.Second
)

// Accounts reads the accounts of WordPress.
type Accounts interface {
	// Account reads the account with exactly this login name. The result is the
	// zero Account if there is none.
	Account(ctx context.Context, login string) (wpdb.Account, error)
}

// Config configures Logins.
type Config struct {
	Accounts   Accounts         // required
	Salts      Salts            // the zero Salts reject every cookie
	CookieName string           // if empty, any cookie named wordpress_logged_in_* counts
	NonceLife  time.Duration    // as filter nonce_life, in whole seconds; default 24 h
	CacheFor   time.Duration    // default and maximum 30 s; negative disables the cache
	Now        func() time.Time // default clock.Now
	Logger     *slog.Logger     // required
}

// Logins verifies WordPress logins. It is safe for concurrent use.
type Logins struct {
	cfg         Config
	cache       *loginCache
	lookupSlots chan struct{}
	// warnings limits the log lines about undecodable session_tokens, because the
	// player of an affected user repeats its requests every few seconds.
	warnings *rate.Limiter
}

// NewLogins returns a verifier. It does not access the database.
func NewLogins(c Config) *Logins {
	if c.NonceLife <= 0 {
		c.NonceLife = 24 * time.Hour
	}
	if c.CacheFor == 0 || c.CacheFor > maxCacheFor {
		c.CacheFor = maxCacheFor
	}
	if c.Now == nil {
		c.Now = clock.Now
	}
	return &Logins{
		cfg:         c,
		cache:       newLoginCache(c.CacheFor, cacheCapacity),
		lookupSlots: make(chan struct{}, maxConcurrentLookups),
		warnings:    rate.NewLimiter(rate.Every(time.Minute), 1),
	}
}

// Login is a verified WordPress login. Printing it shows only the user id.
type Login struct {
	User  webinar.UserID
	token string // the cookie's session token, which nonces depend on

	nonces nonces // cached with the login
}

// Format implements fmt.Formatter, so that no verb prints the token.
func (l Login) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, fmt.Sprintf("Login(%d)", uint64(l.User)))
}

// Verify returns the first valid login for which accept returns true; a nil
// accept accepts any. After a site has moved, browsers may send two valid
// cookies, and accept can select the one that the request's nonce belongs to.
//
// The error is ErrNotLoggedIn if no cookie is valid, its special case ErrForged
// if one is forged, and ErrNotAccepted if accept rejected all valid logins. Any
// other error wraps a failure of the database.
//
// A result may be up to CacheFor old, but does not outlive its cookie. Verify
// ends within 3 s. It continues if ctx is canceled, because a page may close
// right after it has sent the last report of a visit.
func (l *Logins) Verify(ctx context.Context, cookies []*http.Cookie, accept func(Login) bool) (Login, error) {
	if !l.cfg.Salts.usable() {
		return Login{}, ErrNotLoggedIn
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTimeout)
	defer cancel()
	outcome, lookups := ErrNotLoggedIn, 0
	for _, cookie := range l.candidates(cookies) {
		login, err := l.verify(ctx, cookie)
		switch {
		case err == nil && (accept == nil || accept(login)):
			return login, nil
		case err == nil:
			outcome = ErrNotAccepted
		case !errors.Is(err, ErrNotLoggedIn):
			return Login{}, err
		case outcome != ErrNotAccepted && !errors.Is(outcome, ErrForged): // a later error must not hide a forgery
			outcome = err
		}
		// Malformed and expired cookies cost no query and do not count, so that
		// they cannot hide a valid cookie behind them.
		if !errors.Is(err, errMalformed) && !errors.Is(err, errExpired) {
			if lookups++; lookups == maxCookieLookups {
				break
			}
		}
	}
	return Login{}, outcome
}

// Nonce returns the wp_rest nonce that WordPress would create for this login at
// present.
func (l *Logins) Nonce(login Login) string {
	return login.noncesAt(l.cfg.Salts, nonceTick(l.cfg.Now(), l.cfg.NonceLife)).current
}

// CheckNonce reports whether nonce is an unexpired wp_rest nonce of this login.
// The empty nonce is invalid.
func (l *Logins) CheckNonce(login Login, nonce string) bool {
	return nonceValid(l.cfg.Salts, nonceTick(l.cfg.Now(), l.cfg.NonceLife), login, nonce)
}

// candidates returns the cookies to try. Like PHP, it ignores a cookie whose
// name has occurred before.
func (l *Logins) candidates(cookies []*http.Cookie) []*http.Cookie {
	var found []*http.Cookie
	seen := map[string]bool{}
	for _, c := range cookies {
		matches := c.Name == l.cfg.CookieName
		if l.cfg.CookieName == "" {
			matches = strings.HasPrefix(c.Name, cookiePrefix)
		}
		if !matches || seen[c.Name] {
			continue
		}
		seen[c.Name] = true
		found = append(found, c)
	}
	return found
}

// verify checks one cookie. Only a well-formed, unexpired cookie costs a query.
func (l *Logins) verify(ctx context.Context, cookie *http.Cookie) (Login, error) {
	now := l.cfg.Now()
	key := cacheKeyOf(cookie)
	if login, ok := l.cache.get(key, now); ok {
		return login, nil
	}
	c, err := parseCookie(cookie.Value)
	if err != nil {
		return Login{}, err
	}
	if c.expired(now) {
		return Login{}, errExpired
	}
	a, err := l.account(ctx, c.login)
	if err != nil {
		return Login{}, err
	}
	if !c.signedFor(l.cfg.Salts, a.PasswordHash) {
		return Login{}, errSignature
	}
	expires, err := sessionExpiry(a.SessionTokens, c.verifier())
	if errors.Is(err, errSerialized) {
		if l.warnings.AllowN(now, 1) {
			l.cfg.Logger.WarnContext(ctx, "session_tokens cannot be decoded; treating the user as logged out",
				"user", uint64(a.ID), "error", err)
		}
		return Login{}, errNoSession
	}
	if err != nil {
		return Login{}, err
	}
	if expires < now.Unix() {
		return Login{}, errNoSession
	}
	login := Login{User: a.ID, token: c.token}
	login.nonces = login.noncesAt(l.cfg.Salts, nonceTick(now, l.cfg.NonceLife))
	l.cache.put(key, login, min(c.expires, expires), now)
	return login, nil
}

// account reads an account in one of the slots for lookups. The error is errNoUser
// or a failure of the database.
func (l *Logins) account(ctx context.Context, userLogin string) (wpdb.Account, error) {
	select {
	case l.lookupSlots <- struct{}{}:
		defer func() { <-l.lookupSlots }()
	case <-ctx.Done():
		return wpdb.Account{}, fmt.Errorf("wordpress: read login: %w", ctx.Err())
	}
	a, err := l.cfg.Accounts.Account(ctx, userLogin)
	if err != nil {
		return wpdb.Account{}, fmt.Errorf("wordpress: read login: %w", err)
	}
	if a.ID == 0 {
		return wpdb.Account{}, errNoUser
	}
	return a, nil
}
