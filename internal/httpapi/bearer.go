package httpapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"autowebinar/internal/clock"
	"autowebinar/internal/webinar"
)

var (
	errInvalidToken   = errors.New("httpapi: token is malformed or its signature is invalid")
	errInvalidSubject = errors.New("httpapi: token names no user or two different users")
	errIssuedInFuture = errors.New("httpapi: token was issued in the future")
)

// maxClockSkew is how far the clock of a token's issuer may be ahead of the
// service's.
const maxClockSkew = 5 * time.Minute

// authenticateBearer verifies a service key or a viewer's JWT.
func (a *API) authenticateBearer(token string) (principal, error) {
	if a.isServiceKey(token) {
		return principal{service: true}, nil
	}
	if len(a.cfg.JWTSecret) == 0 {
		return principal{}, errNotLoggedIn.withCause(errInvalidToken)
	}
	user, err := parseJWT(token, a.cfg.JWTSecret)
	if err != nil {
		return principal{}, errNotLoggedIn.withCause(err)
	}
	return principal{user: user}, nil
}

// isServiceKey compares the digest of the token with that of every key, so that the
// duration does not depend on how much of the token is correct.
func (a *API) isServiceKey(token string) bool {
	sum := sha256.Sum256([]byte(token))
	found := 0
	for _, key := range a.cfg.ServiceKeys {
		digest := sha256.Sum256([]byte(key))
		found |= subtle.ConstantTimeCompare(sum[:], digest[:])
	}
	return found == 1
}

// parseJWT verifies an HS256 token that expires and returns its user: the claim
// "sub" or, as the common WordPress JWT plugins write it, "data.user.id".
func parseJWT(token string, secret []byte) (webinar.UserID, error) {
	claims := jwt.MapClaims{}
	_, err := jwt.ParseWithClaims(token, claims,
		func(*jwt.Token) (any, error) { return secret, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithJSONNumber(), jwt.WithTimeFunc(clock.Now))
	switch {
	case errors.Is(err, jwt.ErrTokenInvalidClaims): // the signature is valid
		return 0, err
	case err != nil:
		return 0, fmt.Errorf("%w: %w", errInvalidToken, err)
	}
	if issued, err := claims.GetIssuedAt(); err == nil && issued != nil && issued.Sub(clock.Now()) > maxClockSkew {
		return 0, errIssuedInFuture
	}
	data, _ := claims["data"].(map[string]any)
	account, _ := data["user"].(map[string]any)
	var user webinar.UserID
	for _, claim := range []any{claims["sub"], account["id"]} {
		if claim == nil {
			continue
		}
		id, ok := parseUserID(fmt.Sprint(claim)) // a string or a number
		if !ok || user != 0 && user != id {
			return 0, errInvalidSubject
		}
		user = id
	}
	if user == 0 {
		return 0, errInvalidSubject
	}
	return user, nil
}
