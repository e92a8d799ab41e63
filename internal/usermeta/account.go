package usermeta

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/go-sql-driver/mysql"

	"autowebinar/internal/wpdb"
)

// Account reads the account with a login name, in one round trip. The result is
// the zero Account if there is none.
//
// A user may have several session_tokens rows; WordPress reads the one with the
// lowest id and compares the key case-sensitively, unlike the collation. A join
// instead of the subquery would sort the long values in a temporary table.
func (s *Store) Account(ctx context.Context, login string) (wpdb.Account, error) {
	var a wpdb.Account
	err := s.db.GetContext(ctx, &a, s.sql.readAccount, login)
	if errors.Is(err, sql.ErrNoRows) || isCharsetError(err) {
		return wpdb.Account{}, nil
	}
	// The collation ignores case, accents and trailing blanks, but a cookie
	// created by WordPress contains the name exactly as stored.
	if err != nil || a.Login != login {
		return wpdb.Account{}, err
	}
	return a, nil
}

// charsetErrors are the errors for a text that a column's character set cannot
// represent: illegal mix of collations, invalid string, two of failed conversions.
var charsetErrors = []uint16{1267, 1300, 3854, 3988}

// isCharsetError reports whether a login name cannot be represented in the
// column's character set, such as latin1 on an old site. The name comes from the
// cookie, so this is not a failure of the database.
func isCharsetError(err error) bool {
	var failure *mysql.MySQLError
	return errors.As(err, &failure) && slices.Contains(charsetErrors, failure.Number)
}
