package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"autowebinar/internal/config"
	"autowebinar/internal/wordpress"
)

// CheckSalts checks whether WordPress logins can be verified.
func CheckSalts(cfg config.Config) Finding {
	f := Finding{Name: "salts", State: OK, Detail: "all eight are set, none default or repeated: WordPress logins can be verified"}
	if _, err := wordpress.NewSalts(cfg.Salts); err != nil {
		f.State, f.Detail = Fail, strings.TrimPrefix(err.Error(), "wordpress: ")
		f.Advice = "give both containers the same eight WORDPRESS_…_KEY and WORDPRESS_…_SALT values (WordPress keeps replacements for bad ones in its options table, " +
			"which the service may not read); without them only tokens and service keys log in"
	}
	return f
}

const objectCacheAdvice = "a persistent object cache hides direct writes from get_user_meta(): exclude its group, e.g. define('WP_REDIS_IGNORED_GROUPS', ['user_meta']), " +
	"or disable it for user meta"

// checkObjectCache looks for a persistent object cache in wp-config.php and for
// its drop-in, where these files are mounted. The database does not show it.
func checkObjectCache(environ []string) Finding {
	f := Finding{Name: "object cache", State: Unknown}
	path := wpConfigPath(environ)
	source, err := os.ReadFile(path)
	if path == "" || err != nil {
		f.Detail = "wp-config.php is not readable from here"
		f.Advice = "run wp eval 'var_dump(wp_using_ext_object_cache());': if it prints true, " + objectCacheAdvice
		return f
	}
	signs := cacheSigns(source, filepath.Dir(path))
	excluded := defines(source, "WP_REDIS_IGNORED_GROUPS") // its contents are not evaluated
	switch {
	case len(signs) == 0:
		f.State, f.Detail = OK, "none found in wp-config.php, and no drop-in"
	case excluded:
		f.State, f.Detail = OK, strings.Join(signs, ", ")+"; WP_REDIS_IGNORED_GROUPS is set: check that it contains user_meta"
	default:
		f.State, f.Detail, f.Advice = Warn, strings.Join(signs, ", "), objectCacheAdvice
	}
	return f
}

// wpConfigPath returns the file that AUTOWEBINAR_WP_CONFIG names, or an empty
// string.
func wpConfigPath(environ []string) string {
	for _, entry := range environ {
		if path, found := strings.CutPrefix(entry, "AUTOWEBINAR_WP_CONFIG="); found {
			return path
		}
		if name, found := strings.CutPrefix(entry, "AUTOWEBINAR_WP_CONFIG_FILE="); found && name != "" {
			content, err := os.ReadFile(name)
			if err != nil {
				return ""
			}
			return strings.TrimRight(string(content), "\r\n")
		}
	}
	return ""
}

// cacheSigns returns the constants of common object caches and the drop-in, as
// far as they exist.
func cacheSigns(source []byte, folder string) []string {
	var signs []string
	for _, name := range []string{"WP_REDIS_HOST", "WP_REDIS_PATH", "WP_REDIS_CONFIG", "WP_REDIS_SCHEME", "WP_CACHE_KEY_SALT"} {
		if defines(source, name) {
			signs = append(signs, "wp-config.php defines "+name)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "wp-content", "object-cache.php")); err == nil {
		signs = append(signs, "wp-content/object-cache.php exists")
	}
	return signs
}

// defines reports whether a line of PHP defines a constant outside a comment.
func defines(source []byte, name string) bool {
	return regexp.MustCompile(`(?mi)^\s*(if\b.*)?(define\s*\(\s*['"]` + name + `['"]|const\s+` + name + `\b)`).Match(source)
}

func checkProxies(cfg config.Config) Finding {
	f := Finding{Name: "proxies", State: OK, Detail: fmt.Sprintf("forwarded headers are trusted from %v", cfg.TrustedProxies)}
	if len(cfg.TrustedProxies) == 0 {
		f.State, f.Detail = Warn, "no proxy is trusted: forwarded headers are ignored"
		f.Advice = "behind a proxy all viewers share one address, so rate limits apply to all of them: set AUTOWEBINAR_TRUSTED_PROXIES; without a proxy nothing needs to change"
	}
	for _, prefix := range cfg.TrustedProxies {
		if prefix.Bits() == 0 {
			f.State, f.Detail = Warn, "every address is trusted: any client can choose its address"
			f.Advice = "restrict AUTOWEBINAR_TRUSTED_PROXIES to the addresses of the proxies"
		}
	}
	return f
}
