package outbox

// The meta keys of the queue.
const (
	KeyDue      = "autowebinar_outbox"
	KeyDeferred = "autowebinar_outbox_wait"
	KeyDead     = "autowebinar_outbox_dead"
)

func isPending(key string) bool { return key == KeyDue || key == KeyDeferred }
