package contracttest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Answer is one line of the contract: a documented path under the base path,
// such as /users/{user_id}/enter, a method and a status.
type Answer struct {
	Path   string
	Method string
	Status int
}

// String is "POST /enter 201".
func (a Answer) String() string { return fmt.Sprintf("%s %s %d", a.Method, a.Path, a.Status) }

// Report returns the documented answers that no check of this process has seen
// so far, in order of path, method and status. Webhooks are not among them. It
// returns nil if the document cannot be read, which every Check reports.
func Report() []Answer {
	c, err := loadContract()
	if err != nil {
		return nil
	}
	return c.unseen()
}

func (c *contract) unseen() []Answer {
	var unseen []Answer
	for path, item := range c.model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for code := range operation.Responses.Codes.FromOldest() {
				status, err := strconv.Atoi(code)
				answer := Answer{Path: path, Method: strings.ToUpper(method), Status: status}
				if err == nil && !c.seen.has(answer) {
					unseen = append(unseen, answer)
				}
			}
		}
	}
	slices.SortFunc(unseen, func(a, b Answer) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Status, b.Status))
	})
	return unseen
}

// coverage is a set of answers. The zero value is empty.
type coverage struct{ answers sync.Map }

func (s *coverage) add(a Answer) { s.answers.Store(a, nil) }

func (s *coverage) has(a Answer) bool {
	_, ok := s.answers.Load(a)
	return ok
}
