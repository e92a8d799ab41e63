package wordpress

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"autowebinar/internal/usermeta"
	"autowebinar/internal/webinar"
	"autowebinar/internal/wpdb"
)

func TestCustomTableNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(t, "RENAME TABLE wp_users TO `site-2 users`, wp_usermeta TO site_meta")
	db := &wpdb.DB{DB: s.db.SQL, Config: wpdb.Config{UsersTable: s.db.Name + ".site-2 users", UsermetaTable: "site_meta"}}
	a, err := usermeta.New(db, usermeta.Options{}).Account(t.Context(), goldenLogin)
	require.NoError(t, err)
	assert.Equal(t, webinar.UserID(7), a.ID)
	assert.NotEmpty(t, a.SessionTokens)
}

// No login name in a cookie causes a database error in a table of any character
// set.
func TestUnknownLoginNames(t *testing.T) {
	t.Parallel()
	for _, charset := range []string{"utf8mb4", "utf8mb3", "latin1", "ascii"} {
		t.Run(charset, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.convert(t, charset)
			for _, name := range []string{
				"DEMO.USER", "demo.user ", "démo.user", "я", "😀", "\x00", "demo.user\x00", "%", `\`, "' OR 1=1 -- ",
			} {
				_, err := s.logins.account(t.Context(), name)
				assert.ErrorIs(t, err, errNoUser, "%q", name)
			}
			a, err := s.logins.account(t.Context(), goldenLogin)
			require.NoError(t, err)
			assert.Equal(t, webinar.UserID(7), a.ID)
		})
	}
}

func TestLoginNamesWithSpecialCharacters(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, name := range []string{"Яна", "jane doe@example.com"} {
		s.exec(t, "UPDATE wp_users SET user_login = ?", name)
		salts := goldenSalts(t)
		login, err := s.verify(t, encodedCookie(cookieName, signCookie(salts, name, "PcfO", goldenExpiration, goldenToken)))
		require.NoError(t, err, name)
		assert.Equal(t, webinar.UserID(7), login.User)
	}
}

// convert changes the character set of the users table. It uses the SQL mode of
// WordPress, because strict modes reject the default of user_registered.
func (s *site) convert(t *testing.T, charset string) {
	t.Helper()
	conn, err := s.db.SQL.Connx(t.Context())
	require.NoError(t, err)
	defer conn.Close()
	for _, statement := range []string{"SET SESSION sql_mode = ''", "ALTER TABLE wp_users CONVERT TO CHARACTER SET " + charset} {
		_, err := conn.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
}
