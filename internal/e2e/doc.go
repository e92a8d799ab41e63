// Package e2e tests the service from outside: the real binary, built with the
// race detector, on a real database with the privileges of production, with an
// HTTP receiver that verifies signatures with a third-party library. It also tests
// the architecture of the sources.
package e2e
