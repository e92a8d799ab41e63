package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"autowebinar/internal/clock"
)

// collector reads the metrics of the sources at each scrape.
type collector struct {
	sources Sources
	outbox  *outboxPoller // nil without a receiver
	health  *Health
	descs   map[string]*prometheus.Desc
}

var descriptors = []struct {
	name, help string
	labels     []string
}{
	{"ready", "1 if /readyz reports that the service is ready, else 0.", nil},
	{"changes_queued", "Changes waiting for a group commit or for locked rows.", nil},
	{"changes_queue_capacity", "Limit of queued changes. Further ones are rejected with 503.", nil},
	{"lock_waiters", "Viewers whose rows another transaction has locked; they are retried outside the commit queue.", nil},
	{"db_connections", "Connections of the pool, by state: in_use, idle.", []string{"state"}},
	{"db_connections_limit", "Limit of open connections.", nil},
	{"db_connection_waits_total", "Times that a query waited for a free connection.", nil},
	{"db_connection_wait_seconds_total", "Time that queries waited for a free connection.", nil},
	{"dispatcher_leader", "1 on the replica that delivers events, else 0. The sum over all replicas should be 1.", nil},
	{"dispatcher_has_leader", "1 if any replica holds the leader lock in the database, as seen by this replica.", nil},
	{"dispatcher_viewers_pending", "Viewers with undelivered events, as known to the leader.", nil},
	{"receiver_up", "1 if the receiver is reachable, 0 if not; absent until known. Leader only.", nil},
	{"events_dead_total", "Events that this replica dead-lettered because their retries were exhausted.", nil},
	{"events_withdrawn_total", "Events deleted unsent because their user was deleted.", nil},
	{"outbox_events", "Events in the outbox of all replicas, by state: due, deferred (failed, or behind a failed one), dead.", []string{"state"}},
	{"outbox_unsupported_events", "Due and deferred events written by another version that this one cannot read.", nil},
	{"outbox_oldest_age_seconds", "Age of the oldest readable due or deferred event; 0 if there is none.", nil},
	{"outbox_counted_timestamp_seconds", "Unix time of the last count of the outbox; 0 if never.", nil},
	{"outbox_count_duration_seconds", "Duration of the last count of the outbox.", nil},
	{"outbox_count_failures_total", "Failed counts of the outbox.", nil},
}

func newCollector(sources Sources, outbox *outboxPoller, health *Health) *collector {
	c := &collector{sources: sources, outbox: outbox, health: health, descs: map[string]*prometheus.Desc{}}
	for _, d := range descriptors {
		c.descs[d.name] = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", d.name), d.help, d.labels, nil)
	}
	return c
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(out chan<- prometheus.Metric) {
	emit := func(kind prometheus.ValueType) func(name string, value float64, labels ...string) {
		return func(name string, value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(c.descs[name], kind, value, labels...)
		}
	}
	gauge, counter := emit(prometheus.GaugeValue), emit(prometheus.CounterValue)

	gauge("ready", boolToFloat(c.health.Readiness(context.Background()).Status == StatusReady))
	queue, pool, delivery := c.sources.Load(), c.sources.Pool(), c.sources.deliveryStats()
	gauge("changes_queued", float64(queue.Queued))
	gauge("changes_queue_capacity", float64(queue.Capacity))
	gauge("lock_waiters", float64(queue.LockWaiters))
	gauge("db_connections", float64(pool.InUse), "in_use")
	gauge("db_connections", float64(pool.Idle), "idle")
	gauge("db_connections_limit", float64(pool.MaxOpenConnections))
	counter("db_connection_waits_total", float64(pool.WaitCount))
	counter("db_connection_wait_seconds_total", pool.WaitDuration.Seconds())
	gauge("dispatcher_leader", boolToFloat(delivery.Running))
	gauge("dispatcher_viewers_pending", float64(delivery.Pending))
	if delivery.Running && delivery.ReceiverKnown {
		gauge("receiver_up", boolToFloat(delivery.ReceiverUp))
	}
	counter("events_dead_total", float64(delivery.Dead))
	counter("events_withdrawn_total", float64(delivery.Withdrawn))
	if c.outbox == nil {
		return
	}
	outbox := c.outbox.snapshot()
	counter("outbox_count_failures_total", float64(outbox.Failures))
	if outbox.At.IsZero() {
		gauge("outbox_counted_timestamp_seconds", 0)
		return // an absent value is better than a wrong zero
	}
	gauge("dispatcher_has_leader", boolToFloat(outbox.HasLeader))
	gauge("outbox_events", float64(outbox.Due), "due")
	gauge("outbox_events", float64(outbox.Deferred), "deferred")
	gauge("outbox_events", float64(outbox.Dead), "dead")
	gauge("outbox_unsupported_events", float64(outbox.UnsupportedVersion))
	gauge("outbox_oldest_age_seconds", outbox.age(clock.Now()).Seconds())
	gauge("outbox_counted_timestamp_seconds", float64(outbox.At.UnixMilli())/1000)
	gauge("outbox_count_duration_seconds", outbox.Took.Seconds())
}

func boolToFloat(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
