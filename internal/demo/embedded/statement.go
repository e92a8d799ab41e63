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

// usesNoTable reports whether the statement certainly reads no table, such as
// GET_LOCK or SELECT 1. A literal that contains the word "from" makes the result
// false, which is safe.
func usesNoTable(query string) bool {
	return selects.MatchString(query) && !from.MatchString(query)
}

// doExpression returns the expression of a DO statement.
func doExpression(query string) (expression string, ok bool) {
	at := does.FindStringIndex(query)
	if at == nil {
		return "", false
	}
	return query[at[1]:], true
}

// evaluate runs DO, which the engine lacks, as a SELECT without its rows.
func (g *gate) evaluate(ctx context.Context, c *mysql.Conn, expression string, result mysql.ResultSpoolFn) error {
	discard := func(*sqltypes.Result, bool) error { return nil }
	if err := g.Handler.ComQuery(ctx, c, "SELECT "+expression, discard); err != nil {
		return err
	}
	return result(&sqltypes.Result{}, false)
}

// assignments splits a SET statement into one statement per variable. ok is false
// for other statements.
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

// setEach sets each variable and ignores failures, because the engine does not know
// settings such as innodb_lock_wait_timeout, which serial transactions do not need.
func (g *gate) setEach(ctx context.Context, c *mysql.Conn, singles []string, result mysql.ResultSpoolFn) error {
	discard := func(*sqltypes.Result, bool) error { return nil }
	for _, single := range singles {
		_ = g.Handler.ComQuery(ctx, c, single, discard)
	}
	return result(&sqltypes.Result{}, false)
}
