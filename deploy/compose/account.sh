# Creates the service's account together with the database, before WordPress
# creates its tables. A grant on a missing table must include CREATE, which is then
# revoked. The entrypoint of the MariaDB image sources this file.
docker_process_sql <<SQL
CREATE USER '${AUTOWEBINAR_DB_USER:=autowebinar}'@'%' IDENTIFIED BY '${AUTOWEBINAR_DB_PASSWORD:?}';
GRANT CREATE, SELECT ON \`${MARIADB_DATABASE:?}\`.\`wp_users\` TO '$AUTOWEBINAR_DB_USER'@'%';
REVOKE CREATE ON \`$MARIADB_DATABASE\`.\`wp_users\` FROM '$AUTOWEBINAR_DB_USER'@'%';
GRANT CREATE, SELECT, INSERT, UPDATE, DELETE ON \`$MARIADB_DATABASE\`.\`wp_usermeta\` TO '$AUTOWEBINAR_DB_USER'@'%';
REVOKE CREATE ON \`$MARIADB_DATABASE\`.\`wp_usermeta\` FROM '$AUTOWEBINAR_DB_USER'@'%';
SQL
