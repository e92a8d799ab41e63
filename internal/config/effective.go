package config

import "strings"

// Origin is where the value of a setting comes from.
type Origin string

// The origins, in order of precedence.
const (
	FromFile        Origin = "file"          // the file named by the variable's _FILE form
	FromEnvironment Origin = "environment"   // the variable itself
	FromWPConfig    Origin = "wp-config.php" // the file named by AUTOWEBINAR_WP_CONFIG
	FromDefault     Origin = "default"
	Unset           Origin = "not set"
)

// Setting is the effective value of a setting. It never contains a secret.
type Setting struct {
	Variable string `json:"variable"`
	Value    string `json:"value"` // "[redacted]" for a secret, empty if there is none
	Origin   Origin `json:"origin"`
	Detail   string `json:"detail,omitempty"` // the _FILE variable or the constant, the meaning of an unset variable, or why the value is unused
}

// Effective returns all settings with their values and origins, in the order of
// the reference. The error is that of Load. Even then the settings are complete,
// but values from files are redacted.
func Effective(environ []string, readFile func(name string) ([]byte, error)) ([]Setting, error) {
	l := newLoader(environ, readFile)
	c, err := l.load()
	var settings []Setting
	for _, v := range variables() {
		settings = append(settings, l.describe(v, c, err == nil))
	}
	return settings, err
}

func (l *loader) describe(v variable, c Config, usable bool) Setting {
	s := l.lookup(v)
	d := Setting{Variable: v.name, Value: s.text}
	switch {
	case s.state == absent && v.def != "":
		d.Value, d.Origin = v.def, FromDefault
	case s.state == absent:
		d.Origin = Unset
	case s.source == wpConfig && v.name != wpConfig:
		d.Origin, d.Detail = FromWPConfig, s.constant
	case strings.HasSuffix(s.source, fileSuffix):
		d.Origin, d.Detail = FromFile, s.source
	default:
		d.Origin = FromEnvironment
	}
	switch {
	case d.Origin == Unset && usable && v.name == usersTable:
		d.Value, d.Origin = c.UsersTable, FromDefault
	case d.Origin == Unset && usable && v.name == usermetaTable:
		d.Value, d.Origin = c.UsermetaTable, FromDefault
	case d.Origin == Unset && !strings.HasPrefix(v.defaultText, "required"):
		d.Detail = strings.ReplaceAll(v.defaultText, "`", "")
	case d.Origin == FromDefault || d.Value == "":
	case usable && v.name == webhookURL:
		d.Value = redactURL(c.WebhookURL)
	case usable && v.name == dbDSN:
		d.Value = redactDSN(c.DSN)
	case v.secret, !usable && s.hidden:
		d.Value = redacted
	}
	if isConnectionVariable(v.name) && l.lookup(variableNamed(dbDSN)).state != absent && d.Origin != Unset && d.Origin != FromDefault {
		d.Detail = strings.TrimPrefix(d.Detail+"; unused: "+dbDSN+" is set", "; ")
	}
	return d
}
