// Package packaging tests what is shipped: that builds of the container image and
// of the release are reproducible, that the image runs, and that the files in
// deploy/ agree with the service, with the documents and with their linters.
package packaging
