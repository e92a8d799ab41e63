// Package demo runs the service with everything it needs on a machine that has
// Go and nothing else: a database with WordPress's two tables, three viewers who
// are logged in to a simulated site, a receiver that verifies webhooks, and a
// page with a real video that shows the rows and the events as they change.
//
// It has no access control: the page logs its visitor in as one of the viewers.
package demo
