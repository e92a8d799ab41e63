package browser

import (
	"strconv"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

func formatFloat(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// signToken returns a viewer's JWT that expires after a number of minutes.
func signToken(t *testing.T, secret string, minutes int) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "1", "exp": time.Now().Add(time.Duration(minutes) * time.Minute).Unix(),
	}).SignedString([]byte(secret))
	require.NoError(t, err)
	return text
}
