#!/bin/sh
# Makes this machine a standby: standby.sh PRIMARY_HOST NAME, as the user postgres, with an empty data folder.
# NAME is mover_standby_1 or mover_standby_2, as synchronous_standby_names on the primary has it.
# The primary needs: CREATE ROLE replicator LOGIN REPLICATION PASSWORD '...', and in pg_hba.conf:
#   hostssl replication replicator STANDBY_ADDRESS/32 scram-sha-256
# The password is asked for, or comes from ~/.pgpass; it never stands on a command line.
set -eu

primary=${1:?the host of the primary}
name=${2:?mover_standby_1 or mover_standby_2}
data=${PGDATA:-/var/lib/postgresql/15/main}
authority=${PGSSLROOTCERT:-/etc/ssl/certs/ca-certificates.crt}

pg_basebackup --pgdata="$data" --wal-method=stream --checkpoint=fast --write-recovery-conf \
  --create-slot --slot="$name" \
  --dbname="host=$primary user=replicator sslmode=verify-full sslrootcert=$authority application_name=$name"
echo "Start PostgreSQL here. On the primary, SELECT application_name, sync_state FROM pg_stat_replication shows $name."
echo "To take over, once the primary is certain to be down: SELECT pg_promote();"
