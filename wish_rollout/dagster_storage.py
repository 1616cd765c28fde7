"""Dagster's PostgreSQL storage with connections that are kept between queries, for ``dagster.yaml``.

``dagster_postgres`` opens a connection for each query, outside of the web server. To authenticate takes longer than most
queries: it is most of the time of a tick that has nothing to do, and a third of a short run.
"""

from __future__ import annotations

import os
import select
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import sqlalchemy
from dagster_postgres.storage import DagsterPostgresStorage
from dagster_postgres.utils import (
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
    set_pg_statement_timeout,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagster._serdes import ConfigurableClassData

POOL = {"pool_size": 2, "max_overflow": 20, "pool_recycle": 3600}
"""Of SQLAlchemy's QueuePool."""
QUIET_SECONDS = 1.0
"""A connection that was used within this time, and on which nothing has arrived since, is used again without a query."""
USED_AT = "wish_rollout.used_at"

_engines: dict[tuple[int, str], Any] = {}
"""The engine of each URL in this process. A forked process must not use the connections of its parent."""
_found: dict[Any, set[tuple[str, ...]]] = {}
"""The tables and columns that were found, by engine."""
_limited: set[Any] = set()
"""The engines whose statements are limited."""
_lock = Lock()


def limit_statements(storage: object, milliseconds: int) -> bool:
    """Limit the time of each statement of a storage whose connections are kept here; return whether it is one.

    ``storage``: such as ``instance.event_log_storage``. All instances of this process with the same URL have the limit.
    """
    engine: Any = getattr(storage, "_engine", None)
    with _lock:
        if engine not in _engines.values():
            return False
        if engine not in _limited:
            _limited.add(engine)
            sqlalchemy.event.listen(
                engine, "connect", lambda connection, _: set_pg_statement_timeout(connection, milliseconds)
            )
            engine.dispose()  # connections that were opened before have no limit
    return True


def _forget_parent() -> None:
    """Forget the connections of the parent in a forked process, without closing them: they are in use there."""
    global _lock  # noqa: PLW0603  (a thread that does not exist here may hold it)
    _lock = Lock()
    for engine in _engines.values():
        engine.dispose(close=False)
    _engines.clear()
    _found.clear()
    _limited.clear()


os.register_at_fork(after_in_child=_forget_parent)


class _Found:
    """Returns whether there is a table or a column, which is asked for every event of an asset; what is there, once."""

    def __init__(self, ask: Callable[..., bool], found: set[tuple[str, ...]]) -> None:
        self._ask = ask
        self._found = found

    def __call__(self, *arguments: Any) -> bool:
        names = (self._ask.__name__, *(each for each in arguments if isinstance(each, str)))
        if names not in self._found and self._ask(*arguments):
            self._found.add(names)
        return names in self._found


def _ask_once(storage: object, found: set[tuple[str, ...]], *methods: str) -> None:
    """Replace methods of a storage, which ask the server, by ones that remember what is there."""
    for name in methods:
        setattr(storage, name, _Found(getattr(storage, name), found))


def _create_engine(url: str, token_provider: Any) -> Any:
    """Return an engine that examines a connection before it is used again, because the server may have restarted.

    ``pool_pre_ping`` would send a query before each other one.
    """
    engine = create_pg_engine(url, token_provider, isolation_level="AUTOCOMMIT", **POOL)

    def note(_connection: Any, record: Any) -> None:
        record.info[USED_AT] = time.monotonic()

    def examine(connection: Any, record: Any, _proxy: Any) -> None:
        used_at = record.info.pop(USED_AT, None)
        if used_at is None or (time.monotonic() - used_at < QUIET_SECONDS and not _has_input(connection)):
            return
        if not engine.dialect._do_ping_w_event(connection):  # noqa: SLF001  (what pool_pre_ping calls)
            raise sqlalchemy.exc.InvalidatePoolError

    sqlalchemy.event.listen(engine, "checkin", note)
    sqlalchemy.event.listen(engine, "checkout", examine)
    return engine


def _has_input(connection: Any) -> bool:
    """Return whether the server has sent something to an idle connection, or has closed it."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class PooledPostgresStorage(DagsterPostgresStorage):
    """The storage of runs, events and ticks in PostgreSQL. All instances of a process share the connections of a URL.

    Tables and columns are looked for once in a process.
    """

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: Any = None,
    ) -> None:
        key = os.getpid(), postgres_url
        super().__init__(
            postgres_url=postgres_url,
            should_autocreate_tables=should_autocreate_tables and key not in _engines,
            inst_data=inst_data,
            token_provider=token_provider,
        )
        with _lock:
            if key not in _engines:
                _engines[key] = _create_engine(postgres_url, token_provider)
        for storage in (self.run_storage, self.event_log_storage, self.schedule_storage):
            cast("Any", storage)._engine = _engines[key]  # noqa: SLF001  (it has no parameter for it)
        found = _found.setdefault(_engines[key], set())
        _ask_once(
            self.event_log_storage,
            found,
            "has_table",
            "has_asset_key_col",
            "_has_asset_key_col_on_connection",
        )
        _ask_once(self.run_storage, found, "has_run_stats_index_cols", "has_backfill_id_column")

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> PooledPostgresStorage:
        """Return the storage with the configuration of ``dagster.yaml``, which is that of Dagster's own storage."""
        return cls(
            inst_data=inst_data,
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            token_provider=get_token_provider_from_config(config_value),
        )
