"""The load on a table: readers, writers and a session with long transactions, and the time that each query took."""

from __future__ import annotations

import multiprocessing
import random
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.sandbox.binaries import find_embedded_bindir

if TYPE_CHECKING:
    from types import TracebackType

READERS, WRITERS = 3, 2
PAUSE = 0.01
CLIENTS = 40
TABLES = ("items", *(f"other_{n}" for n in range(7)))
"""The tables of the crowded load; the migration changes the first one."""
KINDS = "select name from {} where id = %s", "update {} set price = price + 1 where id = %s"
DUMP_SECONDS = 10
WAITING = """
select l.pid, l.waitstart::text, extract(epoch from clock_timestamp() - l.waitstart)::float * 1000
from pg_locks l join pg_stat_activity a using (pid)
where not l.granted and a.application_name = 'load' and exists (
    select from unnest(pg_blocking_pids(l.pid)) as b join pg_stat_activity m on m.pid = b
    where m.application_name = 'migration')
"""


class Load:
    """The load, running in a separate process while the block runs.

    ``crowded``: 40 clients without pauses and a pg_dump, instead of a few clients and a session with long transactions.
    """

    def __init__(self, url: str, rows: int, *, crowded: bool = False) -> None:
        self.stop = multiprocessing.Event()
        self.results: Any = multiprocessing.SimpleQueue()
        self.is_held = multiprocessing.Event()
        arguments = (url, rows, self.stop, self.is_held, self.results, crowded)
        self.process = multiprocessing.get_context("fork").Process(target=run, args=arguments, daemon=True)
        self.measured: list[tuple[float, float | str]] = []
        self.waited: list[float] = []

    def __enter__(self) -> None:
        self.process.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        self.measured, self.waited = self.results.get()
        self.process.join()

    def wait_for_long_transaction(self) -> None:
        """Return when a long transaction has just begun."""
        if not self.is_held.wait(timeout=60):
            raise RuntimeError("the load has no long transaction; see its errors above")

    def figures(self, began: float, ended: float) -> dict[str, float]:
        """Return the figures of the load: queries, failures, p99, longest query and longest wait, in milliseconds.

        Queries count if they overlap the time from ``began`` to ``ended`` (``time.monotonic()``, which is the same
        for all processes of a machine). Failures and waits count at any time.
        """
        took = sorted(
            ms
            for at, ms in self.measured
            if isinstance(ms, float) and at <= ended and at + ms / 1000 >= began
        )
        return {
            "queries": len(took),
            "failed": sum(isinstance(ms, str) for _, ms in self.measured),
            "p99_ms": round(took[int(len(took) * 0.99)], 1),
            "longest_ms": round(took[-1], 1),
            "waited_ms": round(max(self.waited, default=0), 1),
        }


def run(url: str, rows: int, stop: Any, is_held: Any, results: Any, crowded: bool) -> None:  # noqa: PLR0913, PLR0917
    """Run all threads until ``stop`` is set, then put the measurements into ``results``."""
    measured: list[tuple[float, float | str]] = []
    waited: dict[tuple[int, str], float] = {}
    kinds = ["select name from items where id = %s"] * READERS
    kinds += ["update items set price = price + 1 where id = %s"] * WRITERS
    if crowded:
        threads = [
            threading.Thread(target=transactions, args=(url, rows, stop, measured)) for _ in range(CLIENTS)
        ]
        threads.append(threading.Thread(target=dump, args=(url, stop, is_held, measured)))
    else:
        threads = [threading.Thread(target=queries, args=(url, kind, rows, stop, measured)) for kind in kinds]
        threads.append(threading.Thread(target=hold_transactions, args=(url, stop, is_held, measured)))
    threads.append(threading.Thread(target=record_waits, args=(url, stop, waited)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put((measured, list(waited.values())))


def queries(url: str, query: str, rows: int, stop: Any, measured: list[tuple[float, float | str]]) -> None:
    """Repeat a query; append the start time and the milliseconds or the error text of each to ``measured``."""
    with psycopg.connect(url, autocommit=True, application_name="load") as session:
        while not stop.is_set():
            started = time.monotonic()
            try:
                session.execute(query.encode(), [random.randint(1, rows)])  # noqa: S311
                measured.append((started, (time.monotonic() - started) * 1000))
            except psycopg.Error as error:
                measured.append((started, str(error)))
            time.sleep(PAUSE)


def hold_transactions(url: str, stop: Any, is_held: Any, measured: list[tuple[float, float | str]]) -> None:
    """Hold a transaction open for two of every five seconds, and set ``is_held`` at the beginning of the second one.

    Append its errors to ``measured``.
    """
    with psycopg.connect(url, application_name="load") as session:
        count = 0
        while not stop.is_set():
            try:
                session.execute("select from items limit 1")
                count += 1
                if count == 2:
                    is_held.set()
                stop.wait(2)
                session.rollback()
            except psycopg.Error as error:
                measured.append((time.monotonic(), str(error)))
                return
            stop.wait(3)


def transactions(url: str, rows: int, stop: Any, measured: list[tuple[float, float | str]]) -> None:
    """Run transactions of 5 to 500 ms without pauses, each on one of TABLES; append the time of each first query.

    The durations are distributed log-uniformly: as many from 5 to 50 ms as from 50 to 500 ms.
    """
    with psycopg.connect(url, application_name="load") as session:
        while not stop.is_set():
            table = random.choice(TABLES)  # noqa: S311
            kind = random.choice(KINDS)  # noqa: S311
            started = time.monotonic()
            try:
                session.execute(kind.format(table).encode(), [random.randint(1, rows)])  # noqa: S311
                measured.append((started, (time.monotonic() - started) * 1000))
                stop.wait(0.005 * 100 ** random.random())  # noqa: S311
                session.commit()
            except psycopg.Error as error:
                measured.append((started, str(error)))
                session.rollback()


def dump(url: str, stop: Any, is_held: Any, measured: list[tuple[float, float | str]]) -> None:
    """Run pg_dump for DUMP_SECONDS, by reading its output slowly; set ``is_held`` when it has begun."""
    command = [str((find_embedded_bindir() or Path("/usr/bin")) / "pg_dump"), "--dbname", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(1 << 20)
        is_held.set()
        stop.wait(DUMP_SECONDS)
        while process.stdout.read(1 << 20):
            pass
    if process.returncode:
        measured.append((time.monotonic(), f"pg_dump: exit code {process.returncode}"))


def record_waits(url: str, stop: Any, waited: dict[tuple[int, str], float]) -> None:
    """Record in ``waited`` the milliseconds that each session of the load has waited for the migration."""
    with psycopg.connect(url, autocommit=True, application_name="watch") as session:
        while not stop.wait(0.01):
            for pid, since, milliseconds in session.execute(WAITING):
                waited[pid, since] = max(waited.get((pid, since), 0), milliseconds or 0)
