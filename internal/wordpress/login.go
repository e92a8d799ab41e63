package wordpress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"autowebinar/internal/webinar"
)

var (
	// ErrNotLoggedIn means that no cookie of the request is a valid login.
	ErrNotLoggedIn = errors.New("wordpress: not logged in")
	// ErrForged is ErrNotLoggedIn for a cookie that WordPress never made.
	ErrForged = fmt.Errorf("%w: forged cookie", ErrNotLoggedIn)
	// ErrNotAccepted means that there are valid logins, none of them accepted.
	ErrNotAccepted = errors.New("wordpress: no login was accepted")
)

// Why a cookie was refused; for logs and tests, not for clients.
var (
	errMalformed = fmt.Errorf("%w: malformed cookie", ErrNotLoggedIn)
	errExpired   = fmt.Errorf("%w: expired cookie", ErrNotLoggedIn)
	errNoUser    = fmt.Errorf("%w: no such user", ErrForged)
	errSignature = fmt.Errorf("%w: wrong signature", ErrForged)
	errNoSession = fmt.Errorf("%w: no such session", ErrNotLoggedIn)
)

// Reason is why a cookie was refused, in a word or two, for logs and metrics;
// empty where err does not say.
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
	cookiePrefix = "wordpress_logged_in_"
	maxTried     = 4
	maxLookups   = 8 // at the same time, so that a flood of forged cookies cannot take the pool

	verifyTimeout = 3 * time.Second
	maxCacheFor   = 30 * time.Second
	warnEvery     = time.Minute
)

// Config says where the users are and what WordPress signs with.
type Config struct {
	DB            *sqlx.DB         // required
	UsersTable    string           // default wp_users; may be `database.table`
	UsermetaTable string           // default wp_usermeta; likewise
	Salts         Salts            // the zero Salts log nobody in
	CookieName    string           // empty: the first four names wordpress_logged_in_* are tried
	NonceLife     time.Duration    // as filter nonce_life, whole seconds; default 24 h
	CacheFor      time.Duration    // default and maximum 30 s; negative: no cache
	Now           func() time.Time // default time.Now
	Logger        *slog.Logger     // default slog.Default()
}

// Logins verifies WordPress logins. It is safe for concurrent use.
type Logins struct {
	db         *sqlx.DB
	query      string
	salts      Salts
	cookieName string
	nonceLife  time.Duration
	now        func() time.Time
	logger     *slog.Logger
	cache      *loginCache
	lookups    chan struct{}
	warned     atomic.Int64 // Unix seconds
}

// NewLogins returns a verifier; it does not touch the database.
func NewLogins(c Config) *Logins {
	if c.UsersTable == "" {
		c.UsersTable = "wp_users"
	}
	if c.UsermetaTable == "" {
		c.UsermetaTable = "wp_usermeta"
	}
	if c.NonceLife <= 0 {
		c.NonceLife = 24 * time.Hour
	}
	if c.CacheFor == 0 || c.CacheFor > maxCacheFor {
		c.CacheFor = maxCacheFor
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Logins{
		db:         c.DB,
		query:      accountQuery(c.UsersTable, c.UsermetaTable),
		salts:      c.Salts,
		cookieName: c.CookieName,
		nonceLife:  c.NonceLife,
		now:        c.Now,
		logger:     c.Logger,
		cache:      newLoginCache(c.CacheFor, maxCached),
		lookups:    make(chan struct{}, maxLookups),
	}
}

// Login is a verified WordPress login. Printed, it shows the user id alone.
type Login struct {
	User  webinar.UserID
	token string // of the cookie: part of the nonce

	nonces nonces // computed once for all requests of a cached login
}

// Format implements fmt.Formatter, so that no verb prints the token.
func (l Login) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, fmt.Sprintf("Login(%d)", uint64(l.User)))
}

// Verify returns the first valid login that accept takes; a nil accept takes
// any. A site that has moved leaves browsers with two valid cookies, so the
// caller's nonce decides which one is meant.
//
// It gives ErrNotLoggedIn when no cookie is valid, ErrForged among it when one
// was made up, and ErrNotAccepted when accept took none of the valid ones; any
// other error is a failure of the database, wrapped. A result may be up to
// CacheFor old, but never outlives its cookie. It ends within 3 s, also if ctx
// is cancelled: the last report of a visit outlives its page.
func (l *Logins) Verify(ctx context.Context, cookies []*http.Cookie, accept func(Login) bool) (Login, error) {
	if !l.salts.usable() {
		return Login{}, ErrNotLoggedIn
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTimeout)
	defer cancel()
	outcome, dear := ErrNotLoggedIn, 0
	for _, cookie := range l.candidates(cookies) {
		login, err := l.verify(ctx, cookie)
		switch {
		case err == nil && (accept == nil || accept(login)):
			return login, nil
		case err == nil:
			outcome = ErrNotAccepted
		case !errors.Is(err, ErrNotLoggedIn):
			return Login{}, err
		case outcome != ErrNotAccepted && !errors.Is(outcome, ErrForged): // junk behind a forgery does not hide it
			outcome = err
		}
		// Only what may have cost a query counts: junk in front of a good
		// cookie must not hide it.
		if !errors.Is(err, errMalformed) && !errors.Is(err, errExpired) {
			if dear++; dear == maxTried {
				break
			}
		}
	}
	return Login{}, outcome
}

// Nonce returns the wp_rest nonce that WordPress would give this login now.
func (l *Logins) Nonce(login Login) string {
	return login.noncesAt(l.salts, nonceTick(l.now(), l.nonceLife)).current
}

// CheckNonce reports whether nonce is a wp_rest nonce of this login that has
// not expired. The empty nonce is wrong: its absence is the caller's business.
func (l *Logins) CheckNonce(login Login, nonce string) bool {
	return nonceValid(l.salts, nonceTick(l.now(), l.nonceLife), login, nonce)
}

// candidates are the cookies to try. Of two with one name PHP sees the first.
func (l *Logins) candidates(cookies []*http.Cookie) []*http.Cookie {
	var found []*http.Cookie
	seen := map[string]bool{}
	for _, c := range cookies {
		wanted := c.Name == l.cookieName
		if l.cookieName == "" {
			wanted = strings.HasPrefix(c.Name, cookiePrefix)
		}
		if !wanted || seen[c.Name] {
			continue
		}
		seen[c.Name] = true
		found = append(found, c)
	}
	return found
}

// verify goes from cheap to dear: only an unexpired cookie of the right shape
// costs a query.
func (l *Logins) verify(ctx context.Context, cookie *http.Cookie) (Login, error) {
	now := l.now()
	key := keyOf(cookie)
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
	if !c.signed(l.salts, a.UserPass) {
		return Login{}, errSignature
	}
	expires, err := sessionExpiry(a.SessionTokens, c.verifier())
	if errors.Is(err, ErrSerialized) {
		l.warnUnreadable(ctx, a.ID, now, err)
		return Login{}, errNoSession
	}
	if err != nil {
		return Login{}, err
	}
	if expires < now.Unix() {
		return Login{}, errNoSession
	}
	login := Login{User: a.ID, token: c.token}
	login.nonces = login.noncesAt(l.salts, nonceTick(now, l.nonceLife))
	l.cache.put(key, login, min(c.expires, expires), now)
	return login, nil
}

// warnUnreadable speaks at most once a minute: such a viewer asks every second.
func (l *Logins) warnUnreadable(ctx context.Context, user webinar.UserID, now time.Time, err error) {
	last := l.warned.Load()
	if now.Unix()-last < int64(warnEvery/time.Second) || !l.warned.CompareAndSwap(last, now.Unix()) {
		return
	}
	l.logger.WarnContext(ctx, "session_tokens cannot be read: the user counts as logged out",
		"user", uint64(user), "error", err)
}
