package wordpress

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"autowebinar/internal/webinar"
)

// account is the stored data of the user that a cookie names.
type account struct {
	ID            webinar.UserID `db:"ID"`
	UserLogin     string         `db:"user_login"`
	UserPass      string         `db:"user_pass"`
	SessionTokens []byte         `db:"session_tokens"` // serialized; nil if there is no row
}

// accountQuery returns a statement that reads both rows in one round trip. A
// user may have several session_tokens rows; WordPress reads the one with the
// lowest id and compares the key case-sensitively, unlike the collation. A join
// instead of the subquery would sort the long values in a temporary table.
func accountQuery(users, usermeta string) string {
	return `SELECT u.ID, u.user_login, u.user_pass, (
  SELECT m.meta_value
  FROM ` + quoteTable(usermeta) + ` AS m
  WHERE m.user_id = u.ID
    AND m.meta_key = 'session_tokens'
    AND CAST(m.meta_key AS BINARY) = 'session_tokens'
  ORDER BY m.umeta_id
  LIMIT 1
) AS session_tokens
FROM ` + quoteTable(users) + ` AS u
WHERE u.user_login = ?
LIMIT 1`
}

// quoteTable quotes a table name, which may be `database.table`, as
// CUSTOM_USER_TABLE allows.
func quoteTable(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		parts[i] = "`" + strings.ReplaceAll(part, "`", "``") + "`"
	}
	return strings.Join(parts, ".")
}

// account reads the account with a login name. The error is errNoUser or a
// failure of the database.
func (l *Logins) account(ctx context.Context, userLogin string) (account, error) {
	select {
	case l.lookupSlots <- struct{}{}:
		defer func() { <-l.lookupSlots }()
	case <-ctx.Done():
		return account{}, fmt.Errorf("wordpress: read login: %w", ctx.Err())
	}
	var a account
	err := l.db.GetContext(ctx, &a, l.query, userLogin)
	if errors.Is(err, sql.ErrNoRows) || isCharsetError(err) {
		return account{}, errNoUser
	}
	if err != nil {
		return account{}, fmt.Errorf("wordpress: read login: %w", err)
	}
	// The collation ignores case, accents and trailing blanks, but a cookie
	// created by WordPress contains the name exactly as stored.
	if a.ID == 0 || a.UserLogin != userLogin {
		return account{}, errNoUser
	}
	return a, nil
}

// isCharsetError reports whether a login name cannot be represented in the
// column's character set, such as latin1 on an old site. The name comes from the
// cookie, so this is not a failure of the database.
func isCharsetError(err error) bool {
	const (
		illegalMixOfCollations  = 1267
		invalidCharacterString  = 1300
		cannotConvertString     = 3854
		impossibleStringConvert = 3988
	)
	var failure *mysql.MySQLError
	if !errors.As(err, &failure) {
		return false
	}
	switch failure.Number {
	case illegalMixOfCollations, invalidCharacterString, cannotConvertString, impossibleStringConvert:
		return true
	}
	return false
}
