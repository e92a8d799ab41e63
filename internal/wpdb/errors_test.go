package wpdb

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
)

func TestRetryReason(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err    error
		reason string
	}{
		{&mysql.MySQLError{Number: 1213}, "deadlock"},
		{fmt.Errorf("commit: %w", &mysql.MySQLError{Number: 1020}), "deadlock"},
		{&mysql.MySQLError{Number: 1205}, "lock_wait"},
		{&mysql.MySQLError{Number: 3572}, "lock_wait"},
		{&mysql.MySQLError{Number: 2013}, "connection"},
		{io.ErrUnexpectedEOF, "connection"},
		{errors.Join(mysql.ErrInvalidConn), "connection"},
		{&mysql.MySQLError{Number: 1146}, ""},
		{nil, ""},
	} {
		assert.Equal(t, tt.reason, RetryReason(tt.err), "%v", tt.err)
	}
}

func TestQuoteTable(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "`wp_users`", quoteTable("wp_users"))
	assert.Equal(t, "`shared`.`wp_users`", quoteTable("shared.wp_users"))
	assert.Equal(t, "`a``; DROP`", quoteTable("a`; DROP"))
}
