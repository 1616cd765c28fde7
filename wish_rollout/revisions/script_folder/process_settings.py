"""What surrounds env.py while it runs: the process's logging, standard output, and an event loop."""

from __future__ import annotations

import asyncio
import logging.config
import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def protect_process() -> Iterator[None]:
    """Keep logging as it is, and send what scripts print to standard error.

    Most env.py files call ``fileConfig()``, which would disable the loggers of the process that runs them.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    originals = logging.config.fileConfig, logging.config.dictConfig
    logging.config.fileConfig = logging.config.dictConfig = lambda *_args, **_options: None  # type: ignore[assignment]
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        logging.config.fileConfig, logging.config.dictConfig = originals
        root.handlers[:], root.level = handlers, level


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
