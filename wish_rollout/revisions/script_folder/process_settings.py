"""What surrounds env.py while it runs: the process's logging, standard output, and a Flask application."""

from __future__ import annotations

import asyncio
import importlib
import logging.config
import os
import re
import sys
from contextlib import contextmanager, nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.projects import FlaskAppMissing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

CURRENT_APP = re.compile(r"^\s*from\s+flask\s+import\s+(\([^)]*|[^\n(]*)\bcurrent_app\b", re.MULTILINE)


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


def flask_context(env: Path, root: Path, spec: str | None) -> AbstractContextManager[Any]:
    """Return the application context that env.py requires, if it imports ``current_app`` from Flask.

    ``spec``: the application as ``flask --app`` takes it; the default is FLASK_APP, then what Flask finds by itself
    (``wsgi.py`` or ``app.py``). Raises FlaskAppMissing.
    """
    if not uses_flask(env):
        return nullcontext()
    try:
        cli = importlib.import_module("flask.cli")
        here = os.getcwd()  # noqa: PTH109  (Flask looks for wsgi.py and app.py in the working directory)
        os.chdir(root)
        try:
            application = cli.ScriptInfo(app_import_path=spec or os.environ.get("FLASK_APP")).load_app()
        finally:
            os.chdir(here)
    except Exception as error:
        raise FlaskAppMissing(str(env), f"{type(error).__name__}: {error}") from error
    context: AbstractContextManager[Any] = application.app_context()
    return context


def uses_flask(env: Path) -> bool:
    """Whether a Python file imports ``current_app`` from Flask."""
    return bool(CURRENT_APP.search(env.read_text(encoding="utf-8", errors="replace")))
