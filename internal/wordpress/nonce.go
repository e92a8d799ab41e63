package wordpress

import (
	"crypto/hmac"
	"crypto/md5"
	"strconv"
	"time"

	"autowebinar/internal/webinar"
)

// nonceAction is the action of the REST API's nonces.
const nonceAction = "wp_rest"

// nonceTick numbers the half lives of a nonce: ceil(now / (life/2)), in whole
// seconds as PHP counts them.
func nonceTick(now time.Time, life time.Duration) int64 {
	seconds := max(1, int64(life/time.Second))
	return (2*now.Unix() + seconds - 1) / seconds
}

// nonceAt is the nonce of one tick: ten hexadecimal digits from near the end of
// the MAC. The token is the third part of the login cookie.
func nonceAt(salts Salts, tick int64, user webinar.UserID, token string) string {
	data := strconv.FormatInt(tick, 10) + "|" + nonceAction + "|" +
		strconv.FormatUint(uint64(user), 10) + "|" + token
	mac := hexMAC(md5.New, salts.nonce, data)
	return mac[len(mac)-12 : len(mac)-2]
}

// nonces are the two that are valid at a tick: its own and that of the one
// before, so a nonce lives for half its life at least.
type nonces struct {
	tick              int64
	current, previous string
}

// noncesAt are the login's nonces at a tick: as they were computed with it,
// unless time has gone on since.
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
