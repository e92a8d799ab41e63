package wordpress

import (
	"crypto/hmac"
	"crypto/md5"
	"strconv"
	"time"

	"autowebinar/internal/webinar"
)

// nonceAction is the action that the REST API's nonces are created for.
const nonceAction = "wp_rest"

// nonceTick returns the number of half nonce lives until now, rounded up. Like
// PHP it counts whole seconds.
func nonceTick(now time.Time, life time.Duration) int64 {
	seconds := max(1, int64(life/time.Second))
	return (2*now.Unix() + seconds - 1) / seconds
}

// nonceAt returns the nonce of a tick. The token is the session token of the
// login cookie.
func nonceAt(salts Salts, tick int64, user webinar.UserID, token string) string {
	data := strconv.FormatInt(tick, 10) + "|" + nonceAction + "|" +
		strconv.FormatUint(uint64(user), 10) + "|" + token
	mac := hexMAC(md5.New, salts.nonce, data)
	return mac[len(mac)-12 : len(mac)-2]
}

// nonces are the two nonces that are valid at a tick: the current one and that
// of the tick before.
type nonces struct {
	tick              int64
	current, previous string
}

// noncesAt returns the login's nonces at a tick, computing them only if the tick
// has changed since the login was verified.
func (l Login) noncesAt(salts Salts, tick int64) nonces {
	if l.nonces.tick == tick && l.nonces.current != "" {
		return l.nonces
	}
	return nonces{
		tick:     tick,
		current:  nonceAt(salts, tick, l.User, l.token),
		previous: nonceAt(salts, tick-1, l.User, l.token),
	}
}

func nonceValid(salts Salts, tick int64, login Login, nonce string) bool {
	if !salts.usable() || login.User == 0 {
		return false
	}
	valid := login.noncesAt(salts, tick)
	return hmac.Equal([]byte(nonce), []byte(valid.current)) || hmac.Equal([]byte(nonce), []byte(valid.previous))
}
