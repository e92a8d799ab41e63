// Package httpapi serves the REST API that api/openapi.yaml describes. Responses
// have WordPress's JSON shapes. One type decodes and validates bodies, one table
// maps errors to responses, and no response or log line contains a secret, a
// nonce or another viewer's data.
//
// A request passes the middlewares that [New] lists, the route table, and then
// the steps of one handler: authentication, the viewer's rate limit, the body,
// the endpoint.
package httpapi
