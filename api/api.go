// Package api contains the public contract: the OpenAPI document, the schemas of
// the events and the player client. They are embedded in the binary, so a service
// serves the files that it was tested with.
package api

import "embed"

// Files contains openapi.yaml (OpenAPI 3.1: the REST routes and, under webhooks,
// the events), events/<type>.schema.json with their examples, and the player
// client: player/dist, built from the sources in player, and its types.
//
//go:embed openapi.yaml events/*.json player/dist player/autowebinar.d.ts
var Files embed.FS
