package config

// Names of variables that the code refers to individually.
const (
	autowebinarPrefix = "AUTOWEBINAR_"
	wordpressPrefix   = "WORDPRESS_"
	fileSuffix        = "_FILE"

	dbHost      = "WORDPRESS_DB_HOST"
	dbUser      = "WORDPRESS_DB_USER"
	dbPassword  = "WORDPRESS_DB_PASSWORD"
	dbName      = "WORDPRESS_DB_NAME"
	tablePrefix = "WORDPRESS_TABLE_PREFIX"

	dbDSN         = "AUTOWEBINAR_DB_DSN"
	usersTable    = "AUTOWEBINAR_USERS_TABLE"
	usermetaTable = "AUTOWEBINAR_USERMETA_TABLE"
	wpConfig      = "AUTOWEBINAR_WP_CONFIG"

	listen        = "AUTOWEBINAR_LISTEN"
	adminListen   = "AUTOWEBINAR_ADMIN_LISTEN"
	cookieName    = "AUTOWEBINAR_COOKIE_NAME"
	webhookURL    = "AUTOWEBINAR_WEBHOOK_URL"
	webhookSecret = "AUTOWEBINAR_WEBHOOK_SECRET"
)
