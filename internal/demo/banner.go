package demo

import (
	"fmt"
	"strings"
	"time"
)

// BannerConfig is what Banner tells of.
type BannerConfig struct {
	URL      string // of the page, without a slash at the end: http://127.0.0.1:8080; required
	BasePath string // of the service; default BasePathDefault
	Status   string // address of the service's status page
	Database *Database
	Site     *Site
	Token    string    // a JWT of the first viewer; empty: the curl lines use the login cookie and nonce
	Now      time.Time // for the nonce
}

// Banner is what `autowebinar demo` prints when it is up: where to look, what it
// runs on, and lines to paste into a shell.
func Banner(cfg BannerConfig) string {
	base := cfg.URL + cfg.BasePath
	if cfg.BasePath == "" {
		base = cfg.URL + BasePathDefault
	}
	viewer := cfg.Site.Viewers[0]
	post := func(route, body string) string {
		return fmt.Sprintf(`curl -sSw '\n' "${AW[@]}" %s/%s -d '%s'`, base, route, body)
	}
	lines := []string{
		"AutoWebinar demo",
		"",
		"  page      " + cfg.URL + "/",
		"  service   " + base,
		"  status    " + cfg.Status,
		"  database  " + cfg.Database.Name,
		"",
		"The same by hand, as " + viewer.Login + " (bash or zsh):",
		"",
		cfg.identity(viewer),
		post("enter", `{"webinar_id":"intro"}`),
		"sleep 5  # reaching a position takes watching",
		post("progress", `{"webinar_id":"intro","position_sec":5}`),
		post("exit", `{"webinar_id":"intro","position_sec":5}`),
		fmt.Sprintf(`curl -sSw '\n' "${AW[@]}" '%s/session?webinar_id=intro'`, base),
		"",
		"Ctrl-C ends it, and a private database with it.",
	}
	return strings.Join(lines, "\n") + "\n"
}

// identity sets the shell variable AW to the options that say who is asking.
func (cfg BannerConfig) identity(v Viewer) string {
	options := "-H 'Authorization: Bearer " + cfg.Token + "'"
	if cfg.Token == "" {
		cookie := cfg.Site.Cookie(v)
		options = fmt.Sprintf("-b '%s=%s' -H 'X-WP-Nonce: %s'", cookie.Name, cookie.Value, cfg.Site.Nonce(v, cfg.Now))
	}
	return "AW=(-H 'Content-Type: application/json' " + options + ")"
}
