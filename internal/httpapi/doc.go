// Package httpapi is the REST door of the service. It promises that every
// request gets an answer of api/openapi.yaml, in WordPress's shapes: one place
// decodes and validates bodies, one table turns errors into statuses, and no
// answer or log line holds a secret, a nonce or another viewer's data.
//
// A request passes, in this order: request id and client address, access log,
// recovery, normalisation of WordPress's ways to address a route, origin checks,
// the route table, who is asking, the viewer's rate, the body, the endpoint.
package httpapi
