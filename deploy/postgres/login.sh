#!/bin/sh
# Once, when the database is made: the application's login, which owns nothing. `migrate` grants it its roles.
set -eu
: "${SLOTBRIDGE_DB_PASSWORD:?is not set}"
# Read from the environment by psql itself, so that no list of processes shows it.
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password SLOTBRIDGE_DB_PASSWORD
create role slotbridge login noinherit password :'password';
SQL
