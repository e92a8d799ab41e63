package commitqueue_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"autowebinar/internal/commitqueue"
)

// Three callers save a value each. The first commits at once. The two that
// arrive during its commit share the next one.
func Example() {
	begun, proceed := make(chan bool), make(chan bool)
	queue := commitqueue.New(256, 4096, func(batch []*commitqueue.Request[string]) {
		begun <- true
		<-proceed
		fmt.Println("commit of", len(batch))
		commitqueue.ResolveAll(batch, nil)
	})
	var callers sync.WaitGroup
	save := func(value string) {
		callers.Go(func() {
			if err := queue.Submit(context.Background(), value, time.Now().Add(time.Minute)); err != nil {
				fmt.Println(value, "was not saved:", err)
			}
		})
	}

	save("first")
	<-begun
	save("second")
	save("third")
	for queue.Len() < 2 {
		runtime.Gosched()
	}
	proceed <- true
	<-begun
	proceed <- true
	callers.Wait()
	// Output:
	// commit of 1
	// commit of 2
}
