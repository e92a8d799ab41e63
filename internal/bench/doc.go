// Package bench measures what the service costs, beside something else measured
// in the same run, on a private server whose commits are durable. It holds
// benchmarks only: `make bench` prints them.
package bench
