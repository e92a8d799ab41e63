// Package bench measures what a report costs: the service beside the least that
// could be written durably, beside WordPress doing the same job, on small and
// large tables, and with ten thousand viewers. Everything is measured in one
// run, in turns, on private servers whose commits are durable: figures of
// different runs do not compare.
//
// It holds benchmarks only. `make bench` fetches the tools and prints the
// tables; nothing fails because it is slow.
package bench
