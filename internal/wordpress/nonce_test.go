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
		"first second of the next":      {goldenTick*43200 + 1, day, goldenTick + 1},
		"as core's integers":            {1795290122, day, (1795290122 + 43199) / 43200},
		"an odd life: half is 1.5 s":    {4, 3 * time.Second, 3},
		"an odd life, on the boundary":  {3, 3 * time.Second, 2},
		"less than a second is taken 1": {10, time.Millisecond, 20},
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
		"of this tick":        {goldenTick, login, salts, goldenNonce, true},
		"of the tick before":  {goldenTick + 1, login, salts, goldenNonce, true},
		"two ticks old":       {goldenTick + 2, login, salts, goldenNonce, false},
		"of a tick to come":   {goldenTick - 1, login, salts, goldenNonce, false},
		"in capitals":         {goldenTick, login, salts, strings.ToUpper(goldenNonce), false},
		"empty":               {goldenTick, login, salts, "", false},
		"a part of it":        {goldenTick, login, salts, goldenNonce[:9], false},
		"of another user":     {goldenTick, Login{User: 8, token: goldenToken}, salts, goldenNonce, false},
		"of another session":  {goldenTick, Login{User: 7, token: "x"}, salts, goldenNonce, false},
		"of an anonymous one": {goldenTick, Login{}, salts, "60962b2d85", false},
		"without salts":       {goldenTick, login, Salts{}, nonceAt(Salts{}, goldenTick, 7, goldenToken), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, nonceValid(tt.salts, tt.tick, tt.login, tt.nonce))
		})
	}
}

func TestNonceLivesBetweenHalfItsLifeAndAll(t *testing.T) {
	t.Parallel()
	salts, login := goldenSalts(t), Login{User: 7, token: goldenToken}
	rapid.Check(t, func(t *rapid.T) {
		life := time.Duration(rapid.Int64Range(2, 7*86400).Draw(t, "life")) * time.Second
		made := time.Unix(rapid.Int64Range(1_500_000_000, 4_000_000_000).Draw(t, "made"), 0)
		nonce := nonceAt(salts, nonceTick(made, life), login.User, login.token)

		validAfter := func(age time.Duration) bool {
			return nonceValid(salts, nonceTick(made.Add(age), life), login, nonce)
		}
		// A one-second margin, for lives whose half is not whole seconds.
		assert.True(t, validAfter(life/2-time.Second))
		assert.False(t, validAfter(life+time.Second))
	})
}
