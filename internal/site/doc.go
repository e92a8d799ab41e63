// Package site tests whole sites: WordPress in two releases, with the plugin of
// api/wordpress, behind nginx or Apache with the proxy lines of the documentation,
// PHP-FPM, MariaDB, the service under a database account that has only the two
// required grants, and Chromium.
//
// The tests run .ci/wordpress, which downloads the programs that they need on
// Debian. If a program is missing, the tests fail; none is skipped.
package site
