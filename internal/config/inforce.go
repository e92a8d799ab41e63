package config

import "strings"

// Origin is where a setting's value came from.
type Origin string

// The origins, in the order in which they are asked; FromNowhere is a setting
// that has no value and needs none.
const (
	FromFile        Origin = "file"          // the one that the variable's _FILE form names
	FromEnvironment Origin = "environment"   // the variable itself
	FromWPConfig    Origin = "wp-config.php" // the one that AUTOWEBINAR_WP_CONFIG names
	FromDefault     Origin = "default"
	Unset           Origin = "not set"
)

// Setting is one setting as it is in force. A secret's value is never in it.
type Setting struct {
	Variable string `json:"variable"`
	Value    string `json:"value"` // "[redacted]" for a secret, "" where there is none
	Origin   Origin `json:"origin"`
	Detail   string `json:"detail,omitempty"` // the _FILE variable or the constant; what having no value means; why it does not count
}

// InForce is every setting with its value and where that came from, in the order
// of the reference. The error is that of Load; the settings are told all the
// same, but then nothing is shown that came out of a file.
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
	case d.Origin == Unset:
		d.Value = l.implied(v, c, usable)
		if d.Value != "" {
			d.Origin = FromDefault
		} else if !strings.HasPrefix(v.defaultText, "required") {
			d.Detail = strings.ReplaceAll(v.defaultText, "`", "") // what that means
		}
	case d.Origin == FromDefault || d.Value == "":
	case usable && v.name == webhookURL:
		d.Value = showURL(c.WebhookURL)
	case usable && v.name == dbDSN:
		d.Value = showDSN(c.DSN)
	case v.secret, !usable && s.hidden:
		d.Value = redacted
	}
	if l.overridden(v) && d.Origin != Unset && d.Origin != FromDefault {
		d.Detail = strings.TrimPrefix(d.Detail+"; unused: "+dbDSN+" is set", "; ")
	}
	return d
}

// implied is the value of a setting whose default is made of other settings.
func (l *loader) implied(v variable, c Config, usable bool) string {
	switch {
	case usable && v.name == usersTable:
		return c.UsersTable
	case usable && v.name == usermetaTable:
		return c.UsermetaTable
	}
	return ""
}

// overridden tells whether AUTOWEBINAR_DB_DSN stands in for a variable.
func (l *loader) overridden(v variable) bool {
	switch v.name {
	case dbHost, dbUser, dbPassword, dbName:
		return l.lookup(find(dbDSN)).state != absent
	}
	return false
}
