package main

import (
	"context"
	"regexp"

	"github.com/dolthub/vitess/go/mysql"
	"github.com/dolthub/vitess/go/sqltypes"
	"github.com/dolthub/vitess/go/vt/sqlparser"
)

var (
	selects = regexp.MustCompile(`(?i)^\s*(select|do)\b`)
	sets    = regexp.MustCompile(`(?i)^\s*set\b`)
	does    = regexp.MustCompile(`(?i)^\s*do\b`)
	from    = regexp.MustCompile(`(?i)\bfrom\b`)
)

// namesNoTable reports whether the statement certainly reads no table: GET_LOCK
// and its kin, CONNECTION_ID(), SELECT 1. A literal with the word "from" in it
// makes the answer false, which is always safe.
func namesNoTable(query string) bool {
	return selects.MatchString(query) && !from.MatchString(query)
}

// doExpression is what a DO statement evaluates; the engine has no DO.
func doExpression(query string) (expression string, ok bool) {
	at := does.FindStringIndex(query)
	if at == nil {
		return "", false
	}
	return query[at[1]:], true
}

// evaluate is DO: a SELECT whose rows nobody sees.
func (g *gate) evaluate(ctx context.Context, c *mysql.Conn, expression string, result mysql.ResultSpoolFn) error {
	discard := func(*sqltypes.Result, bool) error { return nil }
	if err := g.Handler.ComQuery(ctx, c, "SELECT "+expression, discard); err != nil {
		return err
	}
	return result(&sqltypes.Result{}, false)
}

// assignments splits a SET statement into one statement for each variable. ok
// is false for every other statement.
func assignments(query string) (singles []string, ok bool) {
	if !sets.MatchString(query) {
		return nil, false
	}
	statement, err := sqlparser.Parse(query)
	if err != nil {
		return nil, false
	}
	set, ok := statement.(*sqlparser.Set)
	if !ok {
		return nil, false
	}
	for _, one := range set.Exprs {
		singles = append(singles, sqlparser.String(&sqlparser.Set{Exprs: sqlparser.SetVarExprs{one}}))
	}
	return singles, true
}

// setEach sets what can be set and passes over the rest: session settings that
// tune a real server (innodb_lock_wait_timeout) are unknown here and mean
// nothing where transactions run one at a time.
func (g *gate) setEach(ctx context.Context, c *mysql.Conn, singles []string, result mysql.ResultSpoolFn) error {
	discard := func(*sqltypes.Result, bool) error { return nil }
	for _, single := range singles {
		_ = g.Handler.ComQuery(ctx, c, single, discard) // refused: see above
	}
	return result(&sqltypes.Result{}, false)
}
