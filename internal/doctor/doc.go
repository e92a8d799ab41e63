// Package doctor checks everything that the service depends on: the
// configuration, the database and its tables, WordPress's salts, the receiver of
// events and the proxies. The check command, the start of the service, its
// readiness and its status page use it. A check changes nothing and sends no event.
package doctor
