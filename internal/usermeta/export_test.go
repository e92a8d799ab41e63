package usermeta

// DispatchLock is the name of the lock that the leading replica holds.
func (c Config) DispatchLock() string { return c.lockName("dispatch") }
