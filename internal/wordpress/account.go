package wordpress

import (
	"context"
	"fmt"

	"autowebinar/internal/wpdb"
)

// Accounts reads the accounts of WordPress.
type Accounts interface {
	// Account reads the account with exactly this login name. The result is the
	// zero Account if there is none.
	Account(ctx context.Context, login string) (wpdb.Account, error)
}

// account reads an account in one of the slots for lookups. The error is errNoUser
// or a failure of the database.
func (l *Logins) account(ctx context.Context, userLogin string) (wpdb.Account, error) {
	select {
	case l.lookupSlots <- struct{}{}:
		defer func() { <-l.lookupSlots }()
	case <-ctx.Done():
		return wpdb.Account{}, fmt.Errorf("wordpress: read login: %w", ctx.Err())
	}
	a, err := l.accounts.Account(ctx, userLogin)
	if err != nil {
		return wpdb.Account{}, fmt.Errorf("wordpress: read login: %w", err)
	}
	if a.ID == 0 {
		return wpdb.Account{}, errNoUser
	}
	return a, nil
}
