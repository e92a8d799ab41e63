package contracttest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// DocumentedResponse is one line of the contract: a method, a path below the base
// path, such as /users/{user_id}/enter, and a status.
type DocumentedResponse struct {
	Path   string
	Method string
	Status int
}

// String returns the line in the form "POST /enter 201".
func (a DocumentedResponse) String() string {
	return fmt.Sprintf("%s %s %d", a.Method, a.Path, a.Status)
}

// Uncovered returns the documented responses that no check of this process has
// seen so far, sorted by path, method and status. Webhooks are not included. It
// returns nil if the document cannot be read, which every Check reports.
func Uncovered() []DocumentedResponse {
	c, err := loadContract()
	if err != nil {
		return nil
	}
	return c.uncovered()
}

func (c *contract) uncovered() []DocumentedResponse {
	var uncovered []DocumentedResponse
	for path, item := range c.model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for code := range operation.Responses.Codes.FromOldest() {
				status, err := strconv.Atoi(code)
				response := DocumentedResponse{Path: path, Method: strings.ToUpper(method), Status: status}
				if err == nil && !c.coverage.has(response) {
					uncovered = append(uncovered, response)
				}
			}
		}
	}
	slices.SortFunc(uncovered, func(a, b DocumentedResponse) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Status, b.Status))
	})
	return uncovered
}

// coverage is a set of responses. The zero value is empty.
type coverage struct{ responses sync.Map }

func (s *coverage) add(a DocumentedResponse) { s.responses.Store(a, nil) }

func (s *coverage) has(a DocumentedResponse) bool {
	_, ok := s.responses.Load(a)
	return ok
}
