package doctor

import (
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/assert"

	"autowebinar/internal/wpdb"
)

// The lines are as MariaDB and MySQL print them.
func TestExcessGrants(t *testing.T) {
	t.Parallel()
	cfg := wpdb.Config{DSN: &mysql.Config{DBName: "word_press"}, UsersTable: "wp_users", UsermetaTable: "wp_usermeta"}
	tests := map[string]struct {
		lines []string
		want  []string
	}{
		"required grants": {lines: []string{
			"GRANT USAGE ON *.* TO `aw`@`%` IDENTIFIED BY PASSWORD '*ABC'",
			"GRANT SELECT, INSERT, UPDATE, DELETE ON `word_press`.`wp_usermeta` TO `aw`@`%`",
			"GRANT SELECT ON `word_press`.`wp_users` TO `aw`@`%`",
		}},
		"all on the database": {
			lines: []string{"GRANT ALL PRIVILEGES ON `word\\_press`.* TO `aw`@`%`"},
			want:  []string{"ALL PRIVILEGES on word_press.*"},
		},
		"column privilege": {
			lines: []string{"GRANT SELECT, UPDATE (`user_email`) ON `word_press`.`wp_users` TO `aw`@`%`"},
			want:  []string{"UPDATE (`USER_EMAIL`) on word_press.wp_users"},
		},
		"grant option": {
			lines: []string{"GRANT SELECT ON `word_press`.`wp_users` TO `aw`@`%` WITH GRANT OPTION"},
			want:  []string{"GRANT OPTION on word_press.wp_users"},
		},
		"role":  {lines: []string{"GRANT `app_read`@`%` TO `aw`@`%`"}, want: []string{"the role `app_read`@`%`"}},
		"proxy": {lines: []string{"GRANT PROXY ON ''@'%' TO 'root'@'localhost'"}, want: []string{"PROXY on ''@'%'"}},
		"dynamic privileges": {
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

func TestClusterFinding(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values map[string]string
		state  State
	}{
		"single MariaDB":    {map[string]string{"wsrep_on": "OFF", "wsrep_cluster_name": "my_wsrep_cluster"}, OK},
		"galera":            {map[string]string{"wsrep_on": "ON", "wsrep_cluster_name": "shop"}, Warn},
		"group replication": {map[string]string{"group_replication_group_name": "aaaa"}, Warn},
		"single MySQL":      {map[string]string{"group_replication_group_name": ""}, OK},
	} {
		f := clusterFinding(Finding{State: OK}, test.values)
		assert.Equal(t, test.state, f.State, name)
		assert.Equal(t, f.State == OK, f.Advice == "", name)
	}
}
