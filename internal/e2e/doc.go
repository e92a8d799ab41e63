// Package e2e tests the service from outside: the real binary, built with the
// race detector, on a real database under the production account, with a real
// HTTP receiver that verifies signatures with a third-party library.

package e2e
