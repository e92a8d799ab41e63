// Package api is what outsiders build on: the HTTP contract, the events'
// schemas and the player client. It promises that what a running service hands
// out is what this version of it was tested against, because the files are part
// of the binary.
package api

import "embed"

// Files holds openapi.yaml (OpenAPI 3.1: the REST routes and, under webhooks,
// the events), events/<type>.schema.json with the examples beside them, and
// the player client: player/dist/, built from the sources beside it, and its
// types.
//
//go:embed openapi.yaml events/*.json player/dist player/autowebinar.d.ts
var Files embed.FS
