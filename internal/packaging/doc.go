// Package packaging holds the tests of what is shipped: that the container image
// and the release are the same bytes whoever makes them, that the image runs as
// it is meant to be run, and that each file in deploy/ agrees with the service,
// with the documents and with the linter of its kind.
package packaging
