package doctor

import (
	"autowebinar/internal/wpdb"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"
)

// As MariaDB and MySQL print them.
func TestGrantsBeyondTheNeedAreNamed(t *testing.T) {
	t.Parallel()
	cfg := wpdb.Config{DSN: &mysql.Config{DBName: "word_press"}, UsersTable: "wp_users", UsermetaTable: "wp_usermeta"}
	tests := map[string]struct {
		lines []string
		want  []string
	}{
		"the two that are needed": {lines: []string{
			"GRANT USAGE ON *.* TO `aw`@`%` IDENTIFIED BY PASSWORD '*ABC'",
			"GRANT SELECT, INSERT, UPDATE, DELETE ON `word_press`.`wp_usermeta` TO `aw`@`%`",
			"GRANT SELECT ON `word_press`.`wp_users` TO `aw`@`%`",
		}},
		"of the whole database": {
			lines: []string{"GRANT ALL PRIVILEGES ON `word\\_press`.* TO `aw`@`%`"},
			want:  []string{"ALL PRIVILEGES on word_press.*"},
		},
		"a column's": {
			lines: []string{"GRANT SELECT, UPDATE (`user_email`) ON `word_press`.`wp_users` TO `aw`@`%`"},
			want:  []string{"UPDATE (`USER_EMAIL`) on word_press.wp_users"},
		},
		"to be passed on": {
			lines: []string{"GRANT SELECT ON `word_press`.`wp_users` TO `aw`@`%` WITH GRANT OPTION"},
			want:  []string{"GRANT OPTION on word_press.wp_users"},
		},
		"a role":    {lines: []string{"GRANT `app_read`@`%` TO `aw`@`%`"}, want: []string{"the role `app_read`@`%`"}},
		"a proxy's": {lines: []string{"GRANT PROXY ON ''@'%' TO 'root'@'localhost'"}, want: []string{"PROXY on ''@'%'"}},
		"MySQL's dynamic ones": {
			lines: []string{"GRANT SELECT, RELOAD ON *.* TO `root`@`%`", "GRANT BACKUP_ADMIN ON *.* TO `root`@`%`"},
			want:  []string{"SELECT, RELOAD on *.*", "BACKUP_ADMIN on *.*"},
		},
		"none": {},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, excessGrants(test.lines, cfg))
		})
	}
}

func TestAClusterIsNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values map[string]string
		state  State
	}{
		"single":            {map[string]string{"wsrep_on": "OFF", "wsrep_cluster_name": "my_wsrep_cluster"}, OK},
		"galera":            {map[string]string{"wsrep_on": "ON", "wsrep_cluster_name": "shop"}, Warn},
		"group replication": {map[string]string{"group_replication_group_name": "aaaa"}, Warn},
		"mysql alone":       {map[string]string{"group_replication_group_name": ""}, OK},
	} {
		f := clusterFinding(Finding{State: OK}, test.values)
		assert.Equal(t, test.state, f.State, name)
		assert.Equal(t, f.State == OK, f.Advice == "", name)
	}
}
