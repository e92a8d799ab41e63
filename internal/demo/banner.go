package demo

import (
	"fmt"
	"strings"
	"time"
)

// BannerConfig configures Banner.
type BannerConfig struct {
	URL      string // of the page, without a trailing slash
	Status   string // of the service's status page
	Database string // name of the database, for display
	Site     *Site
	Now      time.Time // determines the nonce
}

// Banner returns the text that the demo prints once it is ready: its addresses,
// its database, and commands to paste into a shell.
func Banner(cfg BannerConfig) string {
	viewer, base := cfg.Site.Viewers[0], cfg.URL+BasePath
	cookie := cfg.Site.Cookie(viewer)
	post := func(route, body string) string {
		return fmt.Sprintf(`curl -sSw '\n' "${AW[@]}" %s/%s -d '%s'`, base, route, body)
	}
	lines := []string{
		"AutoWebinar demo is running.",
		"",
		"  page      " + cfg.URL + "/",
		"  service   " + base,
		"  status    " + cfg.Status,
		"  database  " + cfg.Database,
		"",
		"To call the API as " + viewer.Login + " (bash or zsh):",
		"",
		fmt.Sprintf("AW=(-H 'Content-Type: application/json' -b '%s=%s' -H 'X-WP-Nonce: %s')",
			cookie.Name, cookie.Value, cfg.Site.Nonce(viewer, cfg.Now)),
		post("enter", `{"webinar_id":"intro"}`),
		"sleep 5  # a position counts only if there was time to watch",
		post("progress", `{"webinar_id":"intro","position_sec":5}`),
		post("exit", `{"webinar_id":"intro","position_sec":5}`),
		fmt.Sprintf(`curl -sSw '\n' "${AW[@]}" '%s/session?webinar_id=intro'`, base),
		"",
		"Ctrl-C stops the demo and removes its private database.",
	}
	return strings.Join(lines, "\n") + "\n"
}
