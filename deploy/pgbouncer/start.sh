#!/bin/sh
# Writes the application's login where PgBouncer reads it (a tmpfs), and becomes PgBouncer.
set -eu
: "${SLOTBRIDGE_DB_PASSWORD:?is not set}"
umask 077
# In its file a quote is doubled.
password=$(printf '%s' "$SLOTBRIDGE_DB_PASSWORD" | sed 's/"/""/g')
printf '"slotbridge" "%s"\n' "$password" >/run/pgbouncer/userlist.txt
unset SLOTBRIDGE_DB_PASSWORD
exec pgbouncer /etc/pgbouncer/pgbouncer.ini
