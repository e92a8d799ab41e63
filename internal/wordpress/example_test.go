package wordpress

import (
	"fmt"
	"time"
)

// The nonce in this example is the one that WordPress 7.1.4 computed for the
// same salts, user and session token.
func ExampleLogins_CheckNonce() {
	salts, err := NewSalts(goldenConstants())
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Unix(goldenTick*43200, 0)
	logins := NewLogins(Config{Salts: salts, Now: func() time.Time { return now }})
	login := Login{User: 7, token: goldenToken} // usually returned by Verify
	fmt.Println(logins.Nonce(login))
	fmt.Println(logins.CheckNonce(login, "7d6f09bf59"))
	now = now.Add(25 * time.Hour)
	fmt.Println(logins.CheckNonce(login, "7d6f09bf59"))
	// Output:
	// 7d6f09bf59
	// true
	// false
}

func ExampleParseConfig() {
	file, err := ParseConfig([]byte(`<?php
define('DB_NAME', 'blog');
define('DB_USER', getenv('DB_USER'));
define('DB_PASSWORD', file_get_contents('/run/secrets/password'));
$table_prefix = 'wp_';
`), func(name string) (string, bool) { return "wordpress", name == "DB_USER" })
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(file.Constants["DB_NAME"], file.Constants["DB_USER"], file.TablePrefix)
	fmt.Println(file.Unreadable)
	// Output:
	// blog wordpress wp_
	// [DB_PASSWORD (line 4): is an expression, not a literal]
}
