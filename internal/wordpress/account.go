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

// account is what the database knows of the user a cookie names.
type account struct {
	ID            webinar.UserID `db:"ID"`
	UserLogin     string         `db:"user_login"`
	UserPass      string         `db:"user_pass"`
	SessionTokens []byte         `db:"session_tokens"` // serialized; nil: no row
}

// accountQuery reads both rows in one round trip. A user may have several
// session_tokens rows, and WordPress reads the one with the lowest id; to it the
// key is case-sensitive, to the collation it is not. A subquery rather than a
// join: the join sorts its long text in a temporary table.
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

// quoteTable also takes `database.table`, as CUSTOM_USER_TABLE may be.
func quoteTable(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		parts[i] = "`" + strings.ReplaceAll(part, "`", "``") + "`"
	}
	return strings.Join(parts, ".")
}

// account gives errNoUser, or the database's failure.
func (l *Logins) account(ctx context.Context, userLogin string) (account, error) {
	select {
	case l.lookups <- struct{}{}:
		defer func() { <-l.lookups }()
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
	// The collation ignores case, accents and trailing blanks; a cookie that
	// WordPress made holds the name as it is stored.
	if a.ID == 0 || a.UserLogin != userLogin {
		return account{}, errNoUser
	}
	return a, nil
}

// unfitForColumn recognises a name that the column's character set cannot hold:
// on an old latin1 table that is an error, and not one of the database's making.
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
