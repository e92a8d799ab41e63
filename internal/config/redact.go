package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
)

const redacted = "[redacted]"

// Format writes String for every verb and flag, so that %+v, %#v and %x show
// no more than %v does. It covers a Config and whatever holds one in an exported
// field; in an unexported field fmt sees the bare values.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// String is one line, "name=value" joined by spaces, without secrets.
func (c Config) String() string {
	var b strings.Builder
	for i, s := range c.shown() {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%v", s.Key, s.Value)
	}
	return b.String()
}

// LogValue is a group with one attribute a setting, without secrets.
func (c Config) LogValue() slog.Value { return slog.GroupValue(c.shown()...) }

// MarshalJSON is an object with one member a setting, without secrets.
func (c Config) MarshalJSON() ([]byte, error) {
	object := map[string]any{}
	for _, s := range c.shown() {
		object[s.Key] = s.Value.Any()
	}
	return json.Marshal(object)
}

// shown is what may be printed. A field is printed because it is named here:
// one that is forgotten stays out of sight.
func (c Config) shown() []slog.Attr {
	return []slog.Attr{
		slog.String("listen", c.Listen),
		slog.String("admin_listen", c.AdminListen),
		slog.Any("base_paths", texts(c.BasePaths)),
		slog.String("database", showDSN(c.DSN)),
		slog.String("users_table", c.UsersTable),
		slog.String("usermeta_table", c.UsermetaTable),
		slog.Any("salts", slices.Sorted(maps.Keys(c.Salts))),
		slog.String("cookie_name", c.CookieName),
		slog.String("nonce_life", c.NonceLife.String()),
		slog.Int("service_keys", len(c.ServiceKeys)),
		slog.String("jwt_secret", redact(len(c.JWTSecret))),
		slog.String("webhook_url", showURL(c.WebhookURL)),
		slog.Int("webhook_secrets", len(c.WebhookSecrets)),
		slog.Any("webhook_retry", texts(c.WebhookRetry)),
		slog.String("dispatch", string(c.Dispatch)),
		slog.String("lead_meta_key", c.LeadMetaKey),
		slog.Any("webinars", c.webinars()),
		slog.Float64("max_playback_rate", c.MaxPlaybackRate),
		slog.Int("heartbeat_sec", c.HeartbeatSec),
		slog.Any("cors_origins", texts(c.CORSOrigins)),
		slog.Any("trusted_proxies", texts(c.TrustedProxies)),
		slog.String("rate_viewer", c.RateViewer.String()),
		slog.String("rate_login", c.RateLogin.String()),
		slog.String("log_level", c.LogLevel.String()),
		slog.String("log_format", c.LogFormat),
	}
}

func (c Config) webinars() []string {
	list := []string{}
	for _, id := range slices.Sorted(maps.Keys(c.Webinars)) {
		list = append(list, fmt.Sprintf("%s=%d", id, c.Webinars[id]))
	}
	return list
}

// String is as the setting is written: "50,300", or "0" for off.
func (r Rate) String() string {
	if r == (Rate{}) {
		return "0"
	}
	return fmt.Sprintf("%g,%d", r.PerSecond, r.Burst)
}

// texts prints as an empty list, not as null, when there is nothing in it.
func texts[T any](list []T) []string {
	all := make([]string, len(list))
	for i, v := range list {
		all[i] = fmt.Sprint(v)
	}
	return all
}

func redact(length int) string {
	if length == 0 {
		return ""
	}
	return redacted
}

// showDSN leaves the password out, and the parameters, which may name keys.
func showDSN(dsn *mysql.Config) string {
	if dsn == nil {
		return ""
	}
	return fmt.Sprintf("%s@%s(%s)/%s", dsn.User, dsn.Net, dsn.Addr, dsn.DBName)
}

// showURL shows where the sink is and no more: many receivers have a token in
// the path.
func showURL(u *url.URL) string {
	if u == nil {
		return "off"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host}
	if len(u.Path) > 1 || u.RawQuery != "" {
		return shown.String() + "/" + redacted
	}
	return shown.String()
}
