// Package httpapi serves the REST API that api/openapi.yaml describes. Every
// request is answered in WordPress's JSON shapes: one type decodes and validates
// bodies, one table maps errors to answers, and no answer or log line contains a
// secret, a nonce or another viewer's data.
//
// A request passes the middlewares that [New] lists, the route table, and then
// the steps of one handler: authentication, the viewer's rate limit, the body,
// the endpoint.
package httpapi
