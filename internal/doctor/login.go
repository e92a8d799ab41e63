package doctor

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"autowebinar/internal/config"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/wordpress"
)

// checkLogin verifies the salts with a login, which it reads as two lines: a cookie
// of WordPress and a nonce. It prints neither.
func checkLogin(ctx context.Context, cfg config.Config, in io.Reader) Finding {
	f := Finding{Name: "login", State: Fail}
	cookies, nonce, err := readLogin(in, cfg.CookieName)
	if err != nil {
		f.Detail, f.Advice = err.Error(), "paste two lines: the browser's cookie wordpress_logged_in_…, and a nonce, such as wpApiSettings.nonce of the same browser"
		return f
	}
	salts, err := wordpress.NewSalts(cfg.Salts)
	if err != nil {
		f.Detail = "logins cannot be verified without the salts"
		return f
	}
	pool, err := OpenDatabase(cfg)
	if err != nil {
		f.Detail = "the database cannot be opened"
		return f
	}
	defer pool.Close()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	logins := wordpress.NewLogins(wordpress.Config{
		Accounts: usermeta.New(pool, usermeta.Options{}), Salts: salts,
		CookieName: cfg.CookieName, NonceLife: cfg.NonceLife, Logger: slog.New(slog.DiscardHandler),
	})
	login, err := logins.Verify(ctx, cookies, func(login wordpress.Login) bool { return logins.CheckNonce(login, nonce) })
	switch {
	case err == nil:
		f.State, f.Detail = OK, fmt.Sprintf("cookie and nonce are valid: user %d", login.User)
	case errors.Is(err, wordpress.ErrNotAccepted):
		f.Detail = "the cookie is valid, the nonce is not"
		f.Advice = "NONCE_KEY or NONCE_SALT differs from WordPress's, or the nonce is older than a day or belongs to another login"
	case errors.Is(err, wordpress.ErrForged):
		f.Detail = strings.TrimPrefix(err.Error(), "wordpress: ")
		f.Advice = "LOGGED_IN_KEY or LOGGED_IN_SALT differs from WordPress's, the users are in another table, or the password has changed since"
	case errors.Is(err, wordpress.ErrNotLoggedIn):
		f.Detail, f.Advice = strings.TrimPrefix(err.Error(), "wordpress: "), "log in again, and paste the new cookie"
	default:
		f.Detail = "the users cannot be read"
	}
	return f
}

var errNoLogin = errors.New("no cookie and nonce on standard input")

// maxLoginBytes exceeds the size of the headers that browsers send.
const maxLoginBytes = 64 << 10

// readLogin accepts the cookie in each form that browsers show: its value, its
// name and value, or the whole Cookie header.
func readLogin(in io.Reader, name string) (cookies []*http.Cookie, nonce string, err error) {
	lines := bufio.NewScanner(io.LimitReader(in, maxLoginBytes))
	lines.Buffer(nil, maxLoginBytes)
	var found []string
	for len(found) < 2 && lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			found = append(found, line)
		}
	}
	if len(found) < 2 {
		return nil, "", errNoLogin
	}
	text, prefix := found[0], cmp.Or(name, "wordpress_logged_in_")
	if len(text) > 7 && strings.EqualFold(text[:7], "cookie:") {
		text = strings.TrimSpace(text[7:])
	}
	if !strings.Contains(text, prefix) {
		return []*http.Cookie{{Name: prefix, Value: text}}, found[1], nil
	}
	cookies, err = http.ParseCookie(text)
	if err != nil {
		return nil, "", errNoLogin
	}
	return cookies, found[1], nil
}
