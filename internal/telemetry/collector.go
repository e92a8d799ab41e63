package telemetry

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector makes metrics of the sources each time somebody scrapes.
type collector struct {
	sources Sources
	census  *outboxSampler
	health  *Health
	descs   map[string]*prometheus.Desc
}

// asked are the metrics of the sources: name, help, labels.
var descriptors = []struct {
	name, help string
	labels     []string
}{
	{"ready", "1 if the service can take requests (as /readyz says), else 0.", nil},
	{"changes_queued", "Changes that wait for a group commit, or for rows that another writer has locked.", nil},
	{"changes_queue_capacity", "Changes that may wait; beyond it they are refused with 503.", nil},
	{"lock_waiters", "Viewers whose rows another writer has locked, worked on beside the others.", nil},
	{"db_connections", "Connections of the pool, by state: in_use, idle.", []string{"state"}},
	{"db_connections_limit", "Connections that the pool may open.", nil},
	{"db_connection_waits_total", "Times that work waited for a free connection.", nil},
	{"db_connection_wait_seconds_total", "Time that work waited for a free connection.", nil},
	{"dispatcher_leader", "1 on the replica that sends events, else 0; the sum over all replicas should be 1.", nil},
	{"dispatcher_has_leader", "1 if some replica holds the database's lock for sending, as this one sees it.", nil},
	{"dispatcher_viewers_pending", "Viewers with unsent events, as the sending replica knows them.", nil},
	{"receiver_up", "1 if the sink answers, 0 if it fails, told by the replica that sends (dispatcher_leads); no series while no attempt of its has told which (the failures of one viewer's events, if they were answered, do not).", nil},
	{"events_dead_total", "Events given up by this replica after all their attempts: decide with the outbox command.", nil},
	{"events_discarded_total", "Events deleted unsent because their user is gone.", nil},
	{"outbox_events", "Events in the outbox of the whole site, by state: due, waiting (failed, or behind one that has), dead (given up).", []string{"state"}},
	{"outbox_unsupported_events", "Events among those due and waiting that this build cannot read: another version wrote them, and they stay until it sends.", nil},
	{"outbox_oldest_age_seconds", "Age of the oldest event that is due or waiting and can be read; 0 if there is none.", nil},
	{"outbox_counted_timestamp_seconds", "When the outbox was counted last, in Unix time; 0 if never.", nil},
	{"outbox_count_duration_seconds", "How long counting the outbox took the last time.", nil},
	{"outbox_count_failures_total", "Counts of the outbox that failed.", nil},
}

func newCollector(sources Sources, census *outboxSampler, health *Health) *collector {
	c := &collector{sources: sources, census: census, health: health, descs: map[string]*prometheus.Desc{}}
	for _, a := range descriptors {
		c.descs[a.name] = prometheus.NewDesc(prometheus.BuildFQName(namespace, "", a.name), a.help, a.labels, nil)
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	emit := func(kind prometheus.ValueType) func(name string, value float64, labels ...string) {
		return func(name string, value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(c.descs[name], kind, value, labels...)
		}
	}
	gauge, counter := emit(prometheus.GaugeValue), emit(prometheus.CounterValue)

	gauge("ready", boolToFloat(c.health.Readiness(context.Background()).Status == StatusReady))
	queue, pool, delivery := c.sources.Queue(), c.sources.Pool(), c.sources.Delivery()
	gauge("changes_queued", float64(queue.Queued))
	gauge("changes_queue_capacity", float64(queue.Capacity))
	gauge("lock_waiters", float64(queue.LockWaiters))
	gauge("db_connections", float64(pool.InUse), "in_use")
	gauge("db_connections", float64(pool.Idle), "idle")
	gauge("db_connections_limit", float64(pool.MaxOpenConnections))
	counter("db_connection_waits_total", float64(pool.WaitCount))
	counter("db_connection_wait_seconds_total", pool.WaitDuration.Seconds())
	gauge("dispatcher_leader", boolToFloat(delivery.IsLeader))
	gauge("dispatcher_viewers_pending", float64(delivery.Deferred))
	if delivery.IsLeader && delivery.ReceiverKnown {
		gauge("receiver_up", boolToFloat(delivery.ReceiverUp))
	}
	counter("events_dead_total", float64(delivery.Dead))
	counter("events_discarded_total", float64(delivery.Withdrawn))
	if c.census == nil {
		return
	}
	census := c.census.read()
	counter("outbox_count_failures_total", float64(census.Failures))
	if census.At.IsZero() {
		gauge("outbox_counted_timestamp_seconds", 0)
		return // no figure is better than a wrong zero
	}
	gauge("dispatcher_has_leader", boolToFloat(census.HasLeader))
	gauge("outbox_events", float64(census.Due), "due")
	gauge("outbox_events", float64(census.Deferred), "deferred")
	gauge("outbox_events", float64(census.Dead), "dead")
	gauge("outbox_unsupported_events", float64(census.UnsupportedVersion))
	gauge("outbox_oldest_age_seconds", census.age(time.Now()).Seconds())
	gauge("outbox_counted_timestamp_seconds", float64(census.At.UnixMilli())/1000)
	gauge("outbox_count_duration_seconds", census.Took.Seconds())
}

func boolToFloat(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// age is how old the oldest unsent event is; 0 if there is none.
func (c OutboxStats) age(now time.Time) time.Duration {
	if c.Oldest.IsZero() {
		return 0
	}
	return max(0, now.Sub(c.Oldest))
}
