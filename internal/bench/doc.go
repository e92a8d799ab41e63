// Package bench measures the cost of a progress report: of the service compared
// with the smallest possible durable write and with a WordPress plugin, on small
// and large tables, and during a webinar with ten thousand viewers. All variants
// of a comparison alternate within one run, on private database servers with
// durable commits; figures of different runs are not comparable.
//
// `make bench` fetches the tools and prints the tables. Except for
// BenchmarkWordPressWrites, no benchmark fails because it is slow.
package bench
