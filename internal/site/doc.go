// Package site holds the tests of a whole site: a real WordPress of several
// releases with the plugin of api/wordpress in it, behind nginx or Apache with
// the proxy lines of the README, PHP-FPM, MariaDB, the service on an account
// with no more than its two grants, and a real browser.
//
// .ci/wordpress, which the tests run, fetches what they need on Debian. What
// cannot be had fails them: none is skipped.
package site
