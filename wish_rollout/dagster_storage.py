"""Dagster's PostgreSQL storage with connections that are kept between queries, for ``dagster.yaml``.

``dagster_postgres`` opens a connection for each query, outside of the web server. To authenticate takes longer than most
queries: it is most of the time of a tick that has nothing to do, and a third of a short run.
"""

from __future__ import annotations

import os
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

POOL = {"pool_size": 2, "max_overflow": 20, "pool_recycle": 3600, "pool_pre_ping": True}
"""Of SQLAlchemy's QueuePool. A connection is examined before it is used again, because the server may have restarted."""

_engines: dict[tuple[int, str], Any] = {}
"""The engine of each URL in this process. A forked process must not use the connections of its parent."""
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
    _limited.clear()


os.register_at_fork(after_in_child=_forget_parent)


class _Tables:
    """Returns whether there is a table, which is asked for every event of an asset; one that is there is asked for once."""

    def __init__(self, has_table: Callable[[str], bool]) -> None:
        self._has_table = has_table
        self._found: set[str] = set()

    def __call__(self, name: str) -> bool:
        if name not in self._found and self._has_table(name):
            self._found.add(name)
        return name in self._found


class PooledPostgresStorage(DagsterPostgresStorage):
    """The storage of runs, events and ticks in PostgreSQL. All instances of a process share the connections of a URL.

    The tables are looked for once in a process.
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
                _engines[key] = create_pg_engine(
                    postgres_url, token_provider, isolation_level="AUTOCOMMIT", **POOL
                )
        for storage in (self.run_storage, self.event_log_storage, self.schedule_storage):
            cast("Any", storage)._engine = _engines[key]  # noqa: SLF001  (it has no parameter for it)
        events = cast("Any", self.event_log_storage)
        events.has_table = _Tables(events.has_table)

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
