"""What surrounds env.py while it runs: the process's logging, standard output, and an event loop."""

from __future__ import annotations

import asyncio
import logging.config
import sys
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LoggerState = tuple[logging.Logger, list[logging.Handler], int, bool, bool]


@contextmanager
def protect_process() -> Iterator[None]:
    """Keep logging as it is, and send what scripts print to standard error.

    Most env.py files call ``fileConfig()``, which would disable the loggers of the process that runs them: it does
    nothing meanwhile. Applications call ``dictConfig()``, and some require its handlers: it configures their loggers.
    """
    config: Any = logging.config
    originals, states = (config.fileConfig, config.dictConfig), _logger_states()
    config.fileConfig = lambda *_arguments, **_options: None
    config.dictConfig = partial(_configure_others, originals[1], states)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        config.fileConfig, config.dictConfig = originals
        _restore(states)


def _configure_others(configure: Callable[[Any], None], states: list[LoggerState], settings: Any) -> None:
    """Configure the loggers of an application, without closing the handlers of the process.

    Logging that cannot be configured here, such as a file that cannot be written, is no reason to run no script.
    """
    config: Any = logging.config
    clear = config._clearExistingHandlers  # noqa: SLF001  (it closes them)
    config._clearExistingHandlers = lambda: None  # noqa: SLF001
    try:
        with suppress(Exception):
            configure({**settings, "disable_existing_loggers": False})
    finally:
        config._clearExistingHandlers = clear  # noqa: SLF001
        _restore(states)


def _logger_states() -> list[LoggerState]:
    """Return the loggers that are there, with their handlers, level, propagation and whether they are disabled."""
    found = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    return [
        (each, list(each.handlers), each.level, each.propagate, each.disabled)
        for each in (logging.root, *found)
    ]


def _restore(states: list[LoggerState]) -> None:
    for logger, handlers, level, propagate, disabled in states:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


@contextmanager
def event_loop(env: Path) -> Iterator[None]:
    """Have an event loop for an env.py that calls ``asyncio.get_event_loop()``, which creates none in a thread."""
    if b"get_event_loop" not in env.read_bytes():
        yield
        return
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield
    finally:
        asyncio.set_event_loop(None)
        loop.close()
