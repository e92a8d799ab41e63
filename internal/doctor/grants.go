package doctor

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"autowebinar/internal/wpdb"
)

// grants compares the grants of the account with those that are needed.
func (i *inspection) grants(ctx context.Context) (Finding, error) {
	f := Finding{Name: "grants", State: OK}
	var lines []string
	if err := i.conn.SelectContext(ctx, &lines, "SHOW GRANTS"); err != nil {
		return f, err
	}
	excess := excessGrants(lines, i.db.Config)
	if len(excess) == 0 {
		f.Detail = "only those needed"
		return f, nil
	}
	f.State, f.Detail = Warn, "more than needed: "+strings.Join(excess, "; ")
	f.Advice = "REVOKE them, or give the service its own account with the two grants of migrations-none.md"
	return f, nil
}

// excessGrants lists the grants beyond SELECT on the users table, and SELECT,
// INSERT, UPDATE, DELETE on the usermeta table. Roles are listed too, since their
// contents are not visible from here.
func excessGrants(lines []string, cfg wpdb.Config) []string {
	grant := regexp.MustCompile(`(?i)^GRANT (.+?) ON (?:TABLE )?(\S+) TO `)
	role := regexp.MustCompile(`(?i)^GRANT (\S+) TO `)
	needed := map[string][]string{
		strings.ToLower(cfg.DSN.DBName + "." + cfg.UsersTable):    {"SELECT"},
		strings.ToLower(cfg.DSN.DBName + "." + cfg.UsermetaTable): {"SELECT", "INSERT", "UPDATE", "DELETE"},
	}
	var excess []string
	for _, line := range lines {
		found := grant.FindStringSubmatch(line)
		if found == nil {
			if found = role.FindStringSubmatch(line); found != nil {
				excess = append(excess, "the role "+found[1])
			}
			continue
		}
		on := strings.NewReplacer("`", "", "\\", "").Replace(found[2])
		var more []string
		for privilege := range strings.SplitSeq(found[1], ",") {
			privilege = strings.ToUpper(strings.TrimSpace(privilege))
			if privilege != "USAGE" && !slices.Contains(needed[strings.ToLower(on)], privilege) {
				more = append(more, privilege)
			}
		}
		if len(more) > 0 {
			excess = append(excess, strings.Join(more, ", ")+" on "+on)
		}
		if strings.Contains(strings.ToUpper(line), "WITH GRANT OPTION") {
			excess = append(excess, "GRANT OPTION on "+on)
		}
	}
	return excess
}
