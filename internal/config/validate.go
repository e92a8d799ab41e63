package config

import "strings"

// validate checks what depends on several settings.
func (l *loader) validate(c *Config) {
	secret, url := l.lookup(variableNamed(webhookSecret)), l.lookup(variableNamed(webhookURL))
	if url.state == absent {
		l.missing(webhookURL, "set the URL that events are sent to, or off")
	}
	if secret.state == absent && url.text != "off" {
		l.missing(webhookSecret, "events are signed with it, unless "+webhookURL+" is off")
	}
	// Port 0 means any free port, so two of them do not conflict.
	if c.Listen != "" && c.Listen == c.AdminListen && !strings.HasSuffix(c.Listen, ":0") {
		l.problem(adminListen, ErrInvalid, "must differ from %s", listen)
	}
}
