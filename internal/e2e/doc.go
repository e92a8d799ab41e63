// Package e2e tests the service from outside: the real binary, built with the
// race detector, on a real database under the production account, with a real
// HTTP sink that verifies signatures with somebody else's library.
package e2e
