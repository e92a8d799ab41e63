package config

import "strings"

// crossCheck is for what two settings must agree on.
func (l *loader) crossCheck(c *Config) {
	secret, url := l.lookup(find(webhookSecret)), l.lookup(find(webhookURL))
	if url.state == absent {
		l.missing(webhookURL, "the address that events are sent to, or off")
	}
	if secret.state == absent && url.text != "off" {
		l.missing(webhookSecret, "events are signed with it, unless "+webhookURL+" is off")
	}
	// Port 0 is any free port, so two of them differ.
	if c.Listen != "" && c.Listen == c.AdminListen && !strings.HasSuffix(c.Listen, ":0") {
		l.problem(adminListen, ErrInvalid, "must not be the address that %s names", listen)
	}
}
