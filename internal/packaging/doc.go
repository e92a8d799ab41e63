// Package packaging tests the release: that builds of the container image and of
// the archives are reproducible, that the image runs, and that the files in
// deploy/ agree with the service and the documents and pass their linters.
package packaging
