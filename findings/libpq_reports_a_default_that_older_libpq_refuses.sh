#!/usr/bin/env bash
# The parameters that a psycopg connection reports cannot be passed to a driver with an older libpq.
#
# Versions: psycopg 3.3.9 (binary, libpq 18), psycopg2-binary 2.9.5 (libpq 15).
# Expected by many: connection.info.get_parameters() has only what somebody has set, as its documentation says, so that
# these parameters open the same session in another driver too.
# Seen: since libpq 16, PQconninfo() has the value "allow" for sslcertmode although nobody has set it, and no compiled
# default, so that it looks like a parameter that was set. psycopg2 with libpq 15 or older (also one that was built
# with Debian 12's libpq) refuses the whole connection string.
# Output seen: "set by nobody, and reported: ['sslcertmode=allow']; psycopg2 with libpq 15: invalid dsn: invalid
# connection option "sslcertmode"".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check psycopg==3.3.9 psycopg-binary==3.3.9 psycopg2-binary==2.9.5
cat >"$folder/case.py" <<'PYTHON'
import psycopg
import psycopg2.extensions
from psycopg import pq

given = {"host": "127.0.0.1", "port": "1", "user": "somebody", "dbname": "somewhere"}
connection = pq.PGconn.connect_start(psycopg.conninfo.make_conninfo(**given).encode())  # no server is necessary
defaults = {option.keyword: option.compiled for option in pq.Conninfo.get_defaults()}
reported = {
    option.keyword.decode(): option.val.decode()
    for option in connection.info
    if option.val is not None and option.val != defaults[option.keyword]
}
connection.finish()
unset = sorted(
    f"{name}={value}" for name, value in reported.items() if name not in given and name not in {"passfile", "channel_binding"}
)
try:
    psycopg2.extensions.make_dsn(**reported)
    answer = "accepted"
except psycopg2.ProgrammingError as error:
    answer = str(error).strip()
print("psycopg", psycopg.__version__, "libpq", pq.version(), "psycopg2", psycopg2.__version__, "libpq", psycopg2.extensions.libpq_version())
print(f"set by nobody, and reported: {unset}; psycopg2 with libpq 15: {answer}")
assert unset == ["sslcertmode=allow"], unset
assert "sslcertmode" in answer, answer
PYTHON
env -i PATH="$PATH" HOME="$folder" "$folder/venv/bin/python" "$folder/case.py"
