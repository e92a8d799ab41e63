package text_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"autowebinar/internal/text"
)

func TestCount(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "0 rows", text.Count(0, "row"))
	assert.Equal(t, "1 row", text.Count(1, "row"))
	assert.Equal(t, "2 rows", text.Count(2, "row"))
}

func TestStripControl(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "a?[2J?b é→", text.StripControl("a\x1b[2J\u009bb é→"))
}
