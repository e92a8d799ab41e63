package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"autowebinar/internal/config"
	"autowebinar/internal/usermeta"
	"autowebinar/internal/wordpress"
)

func inspectSalts(cfg config.Config) usermeta.Finding {
	f := usermeta.Finding{Name: "salts", State: usermeta.OK, Detail: "all eight are set, none default or repeated: WordPress logins can be verified"}
	if _, err := wordpress.NewSalts(cfg.Salts); err != nil {
		f.State, f.Detail = usermeta.Fail, err.Error()
		f.Advice = "give both containers the same eight WORDPRESS_…_KEY and WORDPRESS_…_SALT values (WordPress keeps replacements for bad ones in its options table, " +
			"which the service may not read); without them only tokens and service keys log in"
	}
	return f
}

// objectCacheAdvice is the same whether the cache was seen or not.
const objectCacheAdvice = "a persistent object cache hides direct writes from get_user_meta(): exclude its group, e.g. define('WP_REDIS_IGNORED_GROUPS', ['user_meta']), " +
	"or switch it off for user meta"

// inspectObjectCache looks where it can: the account may not read wp_options,
// and there is nothing in the database to see. But where wp-config.php is
// mounted its constants tell, and the drop-in where the whole site is.
func inspectObjectCache(environ []string) usermeta.Finding {
	f := usermeta.Finding{Name: "object cache", State: usermeta.Unknown}
	path := wpConfigPath(environ)
	source, err := os.ReadFile(path)
	if path == "" || err != nil {
		f.Detail = "cannot be seen from here"
		f.Advice = "ask WordPress: wp eval 'var_dump(wp_using_ext_object_cache());' — if true, " + objectCacheAdvice
		return f
	}
	signs := cacheSigns(source, filepath.Dir(path))
	excluded := defines(source, "WP_REDIS_IGNORED_GROUPS") // what is in it cannot be told
	switch {
	case len(signs) == 0:
		f.State, f.Detail = usermeta.OK, "no sign of one in wp-config.php, nor beside it"
	case excluded:
		f.State, f.Detail = usermeta.OK, strings.Join(signs, ", ")+"; WP_REDIS_IGNORED_GROUPS is set: see that user_meta is in it"
	default:
		f.State, f.Detail, f.Advice = usermeta.Warn, strings.Join(signs, ", "), objectCacheAdvice
	}
	return f
}

// wpConfigPath is what AUTOWEBINAR_WP_CONFIG names; empty: nothing.
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

// cacheSigns are the constants of the usual object caches, and the drop-in.
func cacheSigns(source []byte, folder string) []string {
	var signs []string
	for _, name := range []string{"WP_REDIS_HOST", "WP_REDIS_PATH", "WP_REDIS_CONFIG", "WP_REDIS_SCHEME", "WP_CACHE_KEY_SALT"} {
		if defines(source, name) {
			signs = append(signs, "wp-config.php defines "+name)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "wp-content", "object-cache.php")); err == nil {
		signs = append(signs, "wp-content/object-cache.php is there")
	}
	return signs
}

// defines tells whether a line of PHP defines a constant; one that is commented
// out does not begin so.
func defines(source []byte, name string) bool {
	return regexp.MustCompile(`(?mi)^\s*(if\b.*)?(define\s*\(\s*['"]` + name + `['"]|const\s+` + name + `\b)`).Match(source)
}

func inspectProxies(cfg config.Config) usermeta.Finding {
	f := usermeta.Finding{Name: "proxies", State: usermeta.OK, Detail: fmt.Sprintf("forwarded headers count from %v", cfg.TrustedProxies)}
	if len(cfg.TrustedProxies) == 0 {
		f.State, f.Detail = usermeta.Warn, "no proxy is trusted: forwarded headers count from nobody"
		f.Advice = "behind nginx every viewer has its address, and one forger's failed logins slow all: set AUTOWEBINAR_TRUSTED_PROXIES to it; without a proxy in front this is right"
	}
	for _, prefix := range cfg.TrustedProxies {
		if prefix.Bits() == 0 {
			f.State, f.Detail = usermeta.Warn, "every address is trusted: anybody can say that they are somebody else"
			f.Advice = "narrow AUTOWEBINAR_TRUSTED_PROXIES down to the proxies' own addresses"
		}
	}
	return f
}
