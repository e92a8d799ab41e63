# The service's own account, made with the database, before WordPress has made
# its tables: a grant on a table that is not there yet must include CREATE, which
# is taken back. To be sourced by the entrypoint of the MariaDB image.
docker_process_sql <<SQL
CREATE USER '${AUTOWEBINAR_DB_USER:=autowebinar}'@'%' IDENTIFIED BY '${AUTOWEBINAR_DB_PASSWORD:?}';
GRANT CREATE, SELECT ON \`${MARIADB_DATABASE:?}\`.\`wp_users\` TO '$AUTOWEBINAR_DB_USER'@'%';
REVOKE CREATE ON \`$MARIADB_DATABASE\`.\`wp_users\` FROM '$AUTOWEBINAR_DB_USER'@'%';
GRANT CREATE, SELECT, INSERT, UPDATE, DELETE ON \`$MARIADB_DATABASE\`.\`wp_usermeta\` TO '$AUTOWEBINAR_DB_USER'@'%';
REVOKE CREATE ON \`$MARIADB_DATABASE\`.\`wp_usermeta\` FROM '$AUTOWEBINAR_DB_USER'@'%';
SQL
