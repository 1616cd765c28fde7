"""Readers, writers and a long transaction now and then, on a table in use; and what each of them waited."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from types import TracebackType

READERS, WRITERS = 3, 2
PAUSE = 0.01
WAITING = """
select l.pid, l.waitstart::text, extract(epoch from clock_timestamp() - l.waitstart)::float * 1000
from pg_locks l join pg_stat_activity a using (pid)
where not l.granted and a.application_name = 'load' and exists (
    select from unnest(pg_blocking_pids(l.pid)) as b join pg_stat_activity m on m.pid = b
    where m.application_name = 'migration')
"""


class Load:
    """Runs the load in a process of its own for as long as the block lasts."""

    def __init__(self, url: str, rows: int) -> None:
        self.stop = multiprocessing.Event()
        self.results: Any = multiprocessing.SimpleQueue()
        arguments = (url, rows, self.stop, self.results)
        self.process = multiprocessing.get_context("fork").Process(target=run, args=arguments, daemon=True)
        self.found: dict[str, float] = {}

    def __enter__(self) -> None:
        self.process.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        self.found = self.results.get()
        self.process.join()

    def figures(self) -> dict[str, float]:
        """Give queries, failures, p99 and longest in milliseconds, and the longest wait on the migration."""
        return self.found


def run(url: str, rows: int, stop: Any, results: Any) -> None:
    """Run all threads until told to stop, and hand over the figures."""
    noted: list[float | str] = []
    waited: dict[tuple[int, str], float] = {}
    kinds = ["select name from items where id = %s"] * READERS
    kinds += ["update items set price = price + 1 where id = %s"] * WRITERS
    threads = [threading.Thread(target=queries, args=(url, kind, rows, stop, noted)) for kind in kinds]
    threads += [
        threading.Thread(target=long_ones, args=(url, stop)),
        threading.Thread(target=watch, args=(url, stop, waited)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = sorted(each for each in noted if isinstance(each, float))
    results.put(
        {
            "queries": len(noted),
            "failed": len(noted) - len(took),
            "p99_ms": round(took[int(len(took) * 0.99)], 1),
            "longest_ms": round(took[-1], 1),
            "waited_ms": round(max(waited.values(), default=0), 1),
        }
    )


def queries(url: str, query: str, rows: int, stop: Any, took: list[float | str]) -> None:
    """Query again and again, and note how many milliseconds each took, or why it failed."""
    with psycopg.connect(url, autocommit=True, application_name="load") as session:
        while not stop.is_set():
            started = time.perf_counter()
            try:
                session.execute(query.encode(), [random.randint(1, rows)])  # noqa: S311
                took.append((time.perf_counter() - started) * 1000)
            except psycopg.Error as error:
                took.append(str(error))
            time.sleep(PAUSE)


def long_ones(url: str, stop: Any) -> None:
    """Hold a transaction open for two seconds out of five."""
    with psycopg.connect(url, application_name="report") as session:
        while not stop.is_set():
            session.execute("select from items limit 1")
            stop.wait(2)
            session.rollback()
            stop.wait(3)


def watch(url: str, stop: Any, waited: dict[tuple[int, str], float]) -> None:
    """Note how long each of the load's sessions has waited for the migration."""
    with psycopg.connect(url, autocommit=True, application_name="watch") as session:
        while not stop.wait(0.01):
            for pid, since, milliseconds in session.execute(WAITING):
                waited[pid, since] = max(waited.get((pid, since), 0), milliseconds or 0)
