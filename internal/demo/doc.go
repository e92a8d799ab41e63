// Package demo promises the service something to be seen with on a machine that
// has Go and nothing else: a database with WordPress's two tables, three viewers
// who are logged in to a site that does not exist, a sink that verifies what it
// receives, and a page with a real video that shows all of it as it happens.
//
// It is for trying things out. Whoever reaches the page is one of the viewers.
package demo
