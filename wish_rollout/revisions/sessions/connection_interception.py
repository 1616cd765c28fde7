"""While env.py runs, every database connection that it opens leads to the target database.

An ``sa.Engine`` that env.py, a revision or the project's own code connects with gets a view of the session that
migrates. A connection that is opened with a driver directly (psycopg, psycopg 2, asyncpg) becomes a second session in
the target database. So nothing is sent to the address that env.py has in its own configuration.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psycopg
import sqlalchemy as sa

from wish_rollout.revisions.script_folder.calling_frames import is_called_by_scripts
from wish_rollout.revisions.sessions.engine_connection import LentConnection, connection_for
from wish_rollout.revisions.statements.driver_guard import refuse_other_session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from wish_rollout.revisions.sessions.shared_session import SharedSession

TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey")
_OTHER_THREADS: set[int] = set()
APPLICATION = "wish-rollout env.py"


def is_called_internally() -> bool:
    """Whether the caller acts for this program or for Dagster, and not for env.py or a revision.

    Their own connections are left alone: they write to the target's ledger, and to Dagster's database. A thread that
    was there before env.py started is not env.py's.
    """
    if threading.get_ident() in _OTHER_THREADS:
        return True
    frame: FrameType | None = sys._getframe()  # noqa: SLF001
    while frame and frame.f_globals is globals():
        frame = frame.f_back
    return not is_called_by_scripts(frame, otherwise=True)


@contextmanager
def intercept_connections(session: SharedSession) -> Iterator[None]:
    """Let every connection that is opened meanwhile lead to the database of ``session``."""
    with ExitStack() as stack:
        stack.enter_context(_known_threads())
        stack.enter_context(_intercepted_engines(session))
        parameters = address_of(session.connection)
        for intercept in (_intercepted_psycopg, _intercepted_psycopg2, _intercepted_asyncpg):
            refuse = partial(refuse_other_session, session.connection, intercept.__name__.rpartition("_")[2])
            stack.enter_context(intercept(parameters, refuse))
        yield


@contextmanager
def refuse_connections(refuse: Callable[[], None]) -> Iterator[None]:
    """Call ``refuse``, which raises, for every connection that the project's code opens meanwhile."""
    with ExitStack() as stack:
        stack.enter_context(_known_threads())
        for intercept in (_intercepted_psycopg, _intercepted_psycopg2, _intercepted_asyncpg):
            stack.enter_context(intercept({}, refuse))
        yield


@contextmanager
def _known_threads() -> Iterator[None]:
    """Know the other threads of the process meanwhile: their connections are left alone."""
    others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident(), None}
    _OTHER_THREADS.update(ident for ident in others if ident)
    try:
        yield
    finally:
        _OTHER_THREADS.clear()


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = owner.__dict__[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def _intercepted_engines(session: SharedSession) -> Iterator[None]:
    connect, raw_connection = sa.Engine.connect, sa.Engine.raw_connection

    def connect_shared(engine: sa.Engine) -> sa.Connection:
        if engine is session.engine or is_called_internally():
            return connect(engine)
        return connection_for(session, engine)

    def raw_shared(engine: sa.Engine) -> Any:
        if engine is session.engine or is_called_internally():
            return raw_connection(engine)
        return LentConnection(session)

    with _replaced(sa.Engine, "connect", connect_shared), _replaced(sa.Engine, "raw_connection", raw_shared):
        yield


def address_of(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Return what libpq needs to open another session in the same database as the same role."""
    info = connection.info
    parameters = info.get_parameters()
    if (
        parameters.get("sslcertmode") == "allow"
    ):  # the default, which libpq 16 and later report as if it was set
        del parameters["sslcertmode"]  # another driver's libpq may be older, and not know it
    return {
        **parameters,
        "host": info.host,
        "port": info.port,
        "password": info.password,
        "application_name": APPLICATION,
    }


@contextmanager
def _intercepted_psycopg(parameters: dict[str, Any], refuse: Callable[[], None]) -> Iterator[None]:
    original = psycopg.Connection.__dict__["_get_connection_params"].__func__
    original_async = psycopg.AsyncConnection.__dict__["_get_connection_params"].__func__

    def params(cls: Any, /, conninfo: str, **kwargs: Any) -> Any:
        if is_called_internally():
            return original(cls, conninfo, **kwargs)
        refuse()
        return dict(parameters)

    async def params_async(cls: Any, /, conninfo: str, **kwargs: Any) -> Any:
        if is_called_internally():
            return await original_async(cls, conninfo, **kwargs)
        refuse()
        return dict(parameters)

    with (
        _replaced(psycopg.Connection, "_get_connection_params", classmethod(params)),
        _replaced(psycopg.AsyncConnection, "_get_connection_params", classmethod(params_async)),
    ):
        yield


@contextmanager
def _intercepted_psycopg2(parameters: dict[str, Any], refuse: Callable[[], None]) -> Iterator[None]:
    module = _installed("psycopg2")
    if module is None:
        yield
        return
    connect: Callable[..., Any] = module._connect  # noqa: SLF001
    conninfo = psycopg.conninfo.make_conninfo("", **parameters)

    def connect_to_target(dsn: str, *arguments: Any, **options: Any) -> Any:
        if is_called_internally():
            return connect(dsn, *arguments, **options)
        refuse()
        return connect(conninfo, *arguments, **options)

    with _replaced(module, "_connect", connect_to_target):
        yield


@contextmanager
def _intercepted_asyncpg(parameters: dict[str, Any], refuse: Callable[[], None]) -> Iterator[None]:
    module = _installed("asyncpg.connect_utils")
    if module is None:
        yield
        return
    parse: Callable[..., Any] = module._parse_connect_arguments  # noqa: SLF001
    wanted = ("host", "port", "user", "password", "dbname", "application_name", *TLS)
    query = {name: str(parameters[name]) for name in wanted if parameters.get(name)}
    dsn = f"postgresql://?{urlencode(query)}"

    def parse_target(**options: Any) -> Any:
        refuse()
        for name in ("host", "port", "user", "password", "passfile", "database", "service", "ssl"):
            if name in options:
                options[name] = None
        return parse(**{**options, "dsn": dsn})

    with _replaced(module, "_parse_connect_arguments", parse_target):
        yield


def _installed(name: str) -> Any:
    """Import a driver, if it is installed: env.py may import it later, and must then find it changed."""
    with suppress(ImportError):
        if importlib.util.find_spec(name.partition(".")[0]):
            return importlib.import_module(name)
    return None
