package wordpress

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

const day = 24 * time.Hour

func TestGoldenNonces(t *testing.T) {
	t.Parallel()
	salts := goldenSalts(t)
	assert.Equal(t, goldenNonce, nonceAt(salts, goldenTick, 7, goldenToken))
	assert.Equal(t, "60962b2d85", nonceAt(salts, goldenTick, 0, ""))
}

func TestNonceTick(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		now  int64
		life time.Duration
		want int64
	}{
		"last second of a tick":         {goldenTick * 43200, day, goldenTick},
		"first second of the next tick": {goldenTick*43200 + 1, day, goldenTick + 1},
		"one day, as in WordPress":      {1795290122, day, (1795290122 + 43199) / 43200},
		"odd life, half is 1.5 s":       {4, 3 * time.Second, 3},
		"odd life, at a boundary":       {3, 3 * time.Second, 2},
		"below 1 s it counts as 1 s":    {10, time.Millisecond, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, nonceTick(time.Unix(tt.now, 0), tt.life))
		})
	}
}

func TestNonceValidity(t *testing.T) {
	t.Parallel()
	salts, login := goldenSalts(t), Login{User: 7, token: goldenToken}
	for name, tt := range map[string]struct {
		tick  int64
		login Login
		salts Salts
		nonce string
		want  bool
	}{
		"current tick":    {goldenTick, login, salts, goldenNonce, true},
		"previous tick":   {goldenTick + 1, login, salts, goldenNonce, true},
		"two ticks old":   {goldenTick + 2, login, salts, goldenNonce, false},
		"next tick":       {goldenTick - 1, login, salts, goldenNonce, false},
		"upper case":      {goldenTick, login, salts, strings.ToUpper(goldenNonce), false},
		"empty":           {goldenTick, login, salts, "", false},
		"truncated":       {goldenTick, login, salts, goldenNonce[:9], false},
		"another user":    {goldenTick, Login{User: 8, token: goldenToken}, salts, goldenNonce, false},
		"another session": {goldenTick, Login{User: 7, token: "x"}, salts, goldenNonce, false},
		"anonymous":       {goldenTick, Login{}, salts, "60962b2d85", false},
		"without salts":   {goldenTick, login, Salts{}, nonceAt(Salts{}, goldenTick, 7, goldenToken), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, nonceValid(tt.salts, tt.tick, tt.login, tt.nonce))
		})
	}
}

func TestNonceIsValidForHalfToAllOfItsLife(t *testing.T) {
	t.Parallel()
	salts, login := goldenSalts(t), Login{User: 7, token: goldenToken}
	rapid.Check(t, func(t *rapid.T) {
		life := time.Duration(rapid.Int64Range(2, 7*86400).Draw(t, "life")) * time.Second
		created := time.Unix(rapid.Int64Range(1_500_000_000, 4_000_000_000).Draw(t, "created"), 0)
		nonce := nonceAt(salts, nonceTick(created, life), login.User, login.token)

		validAfter := func(age time.Duration) bool {
			return nonceValid(salts, nonceTick(created.Add(age), life), login, nonce)
		}
		// The margin of one second is for lives with an odd number of seconds.
		assert.True(t, validAfter(life/2-time.Second))
		assert.False(t, validAfter(life+time.Second))
	})
}
