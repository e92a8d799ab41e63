package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"slices"

	"github.com/go-sql-driver/mysql"
)

const redacted = "[redacted]"

// Format writes String for every verb and flag, so that no verb shows a secret.
// It also covers a Config in an exported field of another value, but not in an
// unexported one, where fmt does not call it.
func (c Config) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// String returns "[name=value name=value …]", without secrets.
func (c Config) String() string { return c.LogValue().String() }

// LogValue returns a group with one attribute for each setting, without secrets.
func (c Config) LogValue() slog.Value { return slog.GroupValue(c.attrs()...) }

// MarshalJSON encodes an object with one member for each setting, without
// secrets.
func (c Config) MarshalJSON() ([]byte, error) {
	object := map[string]any{}
	for _, s := range c.attrs() {
		object[s.Key] = s.Value.Any()
	}
	return json.Marshal(object)
}

// attrs returns the values that may be printed. Fields that are not listed are
// not printed.
func (c Config) attrs() []slog.Attr {
	return []slog.Attr{
		slog.String("listen", c.Listen),
		slog.String("admin_listen", c.AdminListen),
		slog.Any("base_paths", toStrings(c.BasePaths)),
		slog.String("database", redactDSN(c.DSN)),
		slog.String("users_table", c.UsersTable),
		slog.String("usermeta_table", c.UsermetaTable),
		slog.Any("salts", slices.Sorted(maps.Keys(c.Salts))),
		slog.String("cookie_name", c.CookieName),
		slog.String("nonce_life", c.NonceLife.String()),
		slog.Int("service_keys", len(c.ServiceKeys)),
		slog.String("jwt_secret", redactNonEmpty(len(c.JWTSecret))),
		slog.String("webhook_url", redactURL(c.WebhookURL)),
		slog.Int("webhook_secrets", len(c.WebhookSecrets)),
		slog.Any("webhook_retry", toStrings(c.WebhookRetry)),
		slog.String("dispatch", string(c.Dispatch)),
		slog.String("lead_meta_key", c.LeadMetaKey),
		slog.Any("webinars", c.webinarList()),
		slog.Float64("max_playback_rate", c.MaxPlaybackRate),
		slog.Int64("heartbeat_sec", c.HeartbeatSec),
		slog.Any("cors_origins", toStrings(c.CORSOrigins)),
		slog.Any("trusted_proxies", toStrings(c.TrustedProxies)),
		slog.String("rate_viewer", c.RateViewer.String()),
		slog.String("rate_login", c.RateLogin.String()),
		slog.String("log_level", c.LogLevel.String()),
		slog.String("log_format", c.LogFormat),
	}
}

func (c Config) webinarList() []string {
	list := []string{}
	for _, id := range slices.Sorted(maps.Keys(c.Webinars)) {
		list = append(list, fmt.Sprintf("%s=%d", id, c.Webinars[id]))
	}
	return list
}

// String returns the rate as it is written in a setting: "50,300", or "0" for no
// limit.
func (r Rate) String() string {
	if r == (Rate{}) {
		return "0"
	}
	return fmt.Sprintf("%g,%d", r.PerSecond, r.Burst)
}

// toStrings formats the items of a list. The result is never nil, so that it is
// encoded as an empty list instead of null.
func toStrings[T any](list []T) []string {
	all := make([]string, len(list))
	for i, v := range list {
		all[i] = fmt.Sprint(v)
	}
	return all
}

func redactNonEmpty(length int) string {
	if length == 0 {
		return ""
	}
	return redacted
}

// redactDSN omits the password and the parameters, which may contain keys.
func redactDSN(dsn *mysql.Config) string {
	if dsn == nil {
		return ""
	}
	return fmt.Sprintf("%s@%s(%s)/%s", dsn.User, dsn.Net, dsn.Addr, dsn.DBName)
}

// redactURL shows only scheme and host, because the path and the query of many
// receivers contain a token.
func redactURL(u *url.URL) string {
	if u == nil {
		return "off"
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host}
	if len(u.Path) > 1 || u.RawQuery != "" {
		return shown.String() + "/" + redacted
	}
	return shown.String()
}
