"""Random compositions of mutations, led there and back on 15 and 18: ``python -m tests.postgres.fuzz [COUNT] [FIRST SEED]``.

Besides the snapshot, ``pg_dump -s`` judges: a database that was led to a schema has its dump, without the order.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import psycopg

from tests.postgres.cases import read_cases
from tests.postgres.conftest import Server, programs_of, run_as_user, start
from tests.postgres.pairs import GOOD, SUPERUSER, compose, lead, run_possible
from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.postgres.catalog.snapshot_reader import read_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.postgres.cases import Case

MAJORS = (15, 18)
_CLUSTER_WIDE = re.compile(r"\s*(CREATE|ALTER|DROP) (ROLE|SUBSCRIPTION|TABLESPACE|DATABASE)", re.IGNORECASE)


def _say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(count: int, first: int) -> int:
    """Run compositions; print each that fails, and the counts. Return the number of failures."""
    cases = [
        case
        for case in read_cases("mutations")
        if "member added" not in case.title and not any(map(_CLUSTER_WIDE.search, case.parts))
    ]
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with ExitStack() as stack:
        servers = [
            stack.enter_context(_running(major, programs))
            for major in MAJORS
            if (programs := programs_of(major))
        ]
        for number in range(count):
            for server in servers:
                found = _composition(server, cases, first + number, reasons)
                counts.update(f"{word} on {server.major}" for word in found)
            if (number + 1) % 25 == 0 or number + 1 == count:
                _report(number + 1, counts, reasons)
    fine = {*GOOD, "dumps equal"}
    return sum(number for word, number in counts.items() if word.rpartition(" on ")[0] not in fine)


@contextmanager
def _running(major: int, programs: Path) -> Iterator[Server]:
    server, folder = start(major, programs)
    try:
        yield server
    finally:
        server.close()
        stop = [str(server.programs / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop"]
        run_as_user(stop, folder)
        shutil.rmtree(folder)


def _report(done: int, counts: Counter[str], reasons: Counter[str]) -> None:
    """Print the counts so far."""
    _say(f"after {done} compositions on each version:")
    for reason, number in reasons.most_common():
        _say(f"{number:5} refused: {reason}")
    for word, number in sorted(counts.items()):
        _say(f"{number:5} {word}")


def _composition(server: Server, cases: Sequence[Case], seed: int, reasons: Counter[str]) -> list[str]:
    """Lead one composition there and back; return the results, and count the reasons of refusals."""
    before_sql, mutations = compose(seed, cases, server.major)
    results = []
    with server.scratch() as connection:
        done = run_possible(connection, before_sql)
        before = read_snapshot(connection)
        connection.execute("SAVEPOINT as_before")
        mutated = run_possible(connection, mutations)
        after = read_snapshot(connection)
        for way, live, target in (("back", after, before), ("forth", before, after)):
            verdict = lead(connection, live, target, server.major)
            results.append("lost" if verdict.lost else verdict.result)
            if results[-1] == "refused" and verdict.found:
                reasons.update({f"{gap.kind}: {_general(gap.why)}" for gap in verdict.found.gaps})
            if results[-1] not in GOOD:
                _say(
                    f"seed {seed} on {server.major}, {way}: {results[-1]}\n{verdict.details}\n{verdict.lost}"
                )
            connection.execute("ROLLBACK TO as_before")
    found = remedy(before, after, SUPERUSER, server.major)
    if found.covered and found.statements:
        results.append(_dumps(server, seed, done, mutated, [each.sql for each in found.statements]))
    return results


def _general(reason: str) -> str:
    """Return a reason without the names in it."""
    return re.sub(r"\S*\.\S+", "…", reason)


def _dumps(server: Server, seed: int, before: list[str], mutations: list[str], script: list[str]) -> str:
    """Compare the dumps of two databases: one mutated, the other led there."""
    dumps = []
    for name, statements in (("fuzz_mutated", [*before, *mutations]), ("fuzz_led", [*before, *script])):
        server.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.run(f"CREATE DATABASE {name} TEMPLATE template0")
        with psycopg.connect(server.url(name)) as connection:
            try:
                for text in statements:
                    connection.execute(text.encode())
            except psycopg.Error as error:
                _say(f"seed {seed} on {server.major}: {name} fails: {error}\nin {text}")
                return "dumps impossible"
        command = [str(server.programs / "pg_dump"), "-s", server.url(name)]
        dumps.append(_entries(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    if dumps[0] == dumps[1]:
        return "dumps equal"
    only = [sorted(set(one) - set(other)) for one, other in (dumps, dumps[::-1])]
    _say(
        f"seed {seed} on {server.major}: dumps differ\nmutated: {only[0]}\nled: {only[1]}\n"
        + "\n".join(script)
    )
    return "dumps differ"


def _entries(dump: str) -> list[str]:
    """Return the entries of a dump as sorted words: the order of options and tags is history.

    The order of columns and the like is judged by the snapshot.
    """
    plain = re.sub(r"^\\(un)?restrict .*$", "", dump, flags=re.MULTILINE)
    plain = re.sub(
        r"='?(off|false|f|no)'?(?=[,)])", "=false", re.sub(r"='?(on|true|t|yes)'?(?=[,)])", "=true", plain)
    )
    entries = re.split(r"^--\n-- Name: ", plain, flags=re.MULTILINE)
    return sorted(" ".join(sorted(re.findall(r"[^\s,()]+", entry))) for entry in entries)


if __name__ == "__main__":
    numbers = [*map(int, sys.argv[1:3])]
    sys.exit(min(main(*(numbers + [200, 1000][len(numbers) :])), 1))
