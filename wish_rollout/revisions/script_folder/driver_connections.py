"""Connections that the project's code opens with a driver directly: psycopg, psycopg 2, asyncpg.

While env.py runs, they lead to the target database; while the application's configuration is read, they are refused.
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

from wish_rollout.revisions.script_folder.calling_frames import is_called_by_scripts, is_module_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey")
_OTHER_THREADS: set[int] = set()
INTERCEPTING = (__name__, "wish_rollout.revisions.sessions.connection_interception")
"""The modules that put themselves between the project's code and a driver."""


def is_called_internally() -> bool:
    """Whether the caller acts for this program or for Dagster, and not for env.py or a revision.

    Their own connections are left alone: they write to the target's ledger, and to Dagster's database. A thread that
    was there before env.py started is not env.py's.
    """
    if threading.get_ident() in _OTHER_THREADS:
        return True
    frame: FrameType | None = sys._getframe()  # noqa: SLF001
    while frame and any(is_module_of(frame, name) for name in INTERCEPTING):
        frame = frame.f_back
    return not is_called_by_scripts(frame, otherwise=True)


@contextmanager
def intercept_drivers(parameters: dict[str, Any], refuse: Callable[[str], None]) -> Iterator[None]:
    """Let every connection that is opened with a driver meanwhile lead to one address.

    ``parameters``: that address, as libpq names its parts. ``refuse``: called with the name of the driver before each
    connection; it may raise.
    """
    with ExitStack() as stack:
        stack.enter_context(_known_threads())
        for intercept in (_intercepted_psycopg, _intercepted_psycopg2, _intercepted_asyncpg):
            stack.enter_context(intercept(parameters, partial(refuse, intercept.__name__.rpartition("_")[2])))
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
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Have another attribute of a module or class meanwhile."""
    before = owner.__dict__[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


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
        replaced(psycopg.Connection, "_get_connection_params", classmethod(params)),
        replaced(psycopg.AsyncConnection, "_get_connection_params", classmethod(params_async)),
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

    with replaced(module, "_connect", connect_to_target):
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

    with replaced(module, "_parse_connect_arguments", parse_target):
        yield


def _installed(name: str) -> Any:
    """Import a driver, if it is installed: env.py may import it later, and must then find it changed."""
    with suppress(ImportError):
        if importlib.util.find_spec(name.partition(".")[0]):
            return importlib.import_module(name)
    return None
