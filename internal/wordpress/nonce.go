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

// nonceValid accepts the nonces of the current tick and of the one before, so
// a nonce lives for half its life at least.
func nonceValid(salts Salts, tick int64, login Login, nonce string) bool {
	if !salts.usable() || login.User == 0 {
		return false
	}
	current := nonceAt(salts, tick, login.User, login.token)
	previous := nonceAt(salts, tick-1, login.User, login.token)
	return hmac.Equal([]byte(nonce), []byte(current)) || hmac.Equal([]byte(nonce), []byte(previous))
}
