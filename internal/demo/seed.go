package demo

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// loginLifetime is that of a WordPress login with "remember me".
const loginLifetime = 14 * 24 * time.Hour

// tokenLifetime is short, so that the phone has to renew its token during a
// demonstration.
const tokenLifetime = 10 * time.Minute

// Viewer is one of the demo's users.
type Viewer struct {
	ID    uint64
	Login string

	passwordHash string // user_pass; matches no password
	token        string // of the login session
	expires      time.Time
}

// Name is the login with a capital letter.
func (v Viewer) Name() string { return strings.ToUpper(v.Login[:1]) + v.Login[1:] }

// Site is the simulated WordPress site: its salts and its logged-in viewers.
type Site struct {
	Salts      map[string]string // the eight constants of wp-config.php, by name; new with each Seed
	JWTSecret  []byte            // signs the tokens; new with each Seed
	CookieName string            // wordpress_logged_in_<hash>
	Viewers    []Viewer          // ids 1, 2 and 3
}

// Seed inserts three viewers with a login session each, and returns the site that
// can issue their cookies, nonces and tokens. It replaces the viewers of an
// earlier run and keeps the rows of the service.
func Seed(ctx context.Context, db *sql.DB, now time.Time) (*Site, error) {
	sum := md5.Sum([]byte("http://" + mailDomain[1:]))
	site := &Site{
		Salts:      map[string]string{},
		JWTSecret:  []byte(rand.Text() + rand.Text()),
		CookieName: "wordpress_logged_in_" + hex.EncodeToString(sum[:]),
	}
	for _, name := range saltNames {
		site.Salts[name] = rand.Text() + rand.Text()
	}
	for i, login := range []string{"anna", "boris", "clara"} {
		site.Viewers = append(site.Viewers, Viewer{
			ID:           uint64(i + 1),
			Login:        login,
			passwordHash: "$wp$2y$10$" + rand.Text() + rand.Text() + "0",
			token:        (rand.Text() + rand.Text())[:43],
			expires:      now.Add(loginLifetime).Truncate(time.Second),
		})
	}
	if err := site.insert(ctx, db, now); err != nil {
		return nil, fmt.Errorf("demo: seed the database: %w", err)
	}
	return site, nil
}

func (s *Site) insert(ctx context.Context, db *sql.DB, now time.Time) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range []string{
		"DELETE FROM wp_users",
		"DELETE FROM wp_usermeta WHERE meta_key IN ('nickname', 'wp_capabilities', 'session_tokens')",
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	for _, v := range s.Viewers {
		if err := v.insert(ctx, tx, now); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func (v Viewer) insert(ctx context.Context, tx *sql.Tx, now time.Time) error {
	_, err := tx.ExecContext(ctx,
		"INSERT INTO wp_users (ID, user_login, user_pass, user_nicename, user_email, user_registered, display_name) VALUES (?, ?, ?, ?, ?, ?, ?)",
		v.ID, v.Login, v.passwordHash, v.Login, v.Login+mailDomain, now.UTC().Format(time.DateTime), v.Login)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx,
		"INSERT INTO wp_usermeta (user_id, meta_key, meta_value) VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?)",
		v.ID, "nickname", v.Login,
		v.ID, "wp_capabilities", `a:1:{s:10:"subscriber";b:1;}`,
		v.ID, "session_tokens", sessionTokens(v.token, now, v.expires))
	return err
}

// Viewer returns the viewer with the given id.
func (s *Site) Viewer(id uint64) (Viewer, bool) {
	for _, v := range s.Viewers {
		if v.ID == id {
			return v, true
		}
	}
	return Viewer{}, false
}

// Cookie returns a viewer's login cookie.
func (s *Site) Cookie(v Viewer) *http.Cookie {
	salt := s.Salts["LOGGED_IN_KEY"] + s.Salts["LOGGED_IN_SALT"]
	return &http.Cookie{
		Name:     s.CookieName,
		Value:    loginCookie(salt, v.Login, v.passwordHash, v.expires, v.token),
		Path:     "/",
		Expires:  v.expires,
		HttpOnly: true,
	}
}

// Nonce returns the wp_rest nonce that WordPress would put into a page of the
// viewer at the time now.
func (s *Site) Nonce(v Viewer, now time.Time) string {
	return restNonce(s.Salts["NONCE_KEY"]+s.Salts["NONCE_SALT"], now, v.ID, v.token)
}

// Token returns a JWT of a viewer.
func (s *Site) Token(v Viewer, now time.Time) (string, error) {
	claims := jwt.RegisteredClaims{
		Subject:   strconv.FormatUint(v.ID, 10),
		ExpiresAt: jwt.NewNumericDate(now.Add(tokenLifetime)),
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(s.JWTSecret)
}
