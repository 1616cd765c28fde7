"""The Flask application in whose context Flask-Migrate's env.py runs."""

from __future__ import annotations

import importlib
import os
import re
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from alembic.script import ScriptDirectory

from wish_rollout.core.errors.projects import FlaskAppMissing
from wish_rollout.core.text.exception_text import describe_exception

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

CURRENT_APP = re.compile(r"^\s*from\s+flask\s+import\s+(\([^)]*|[^\n(]*)\bcurrent_app\b", re.MULTILINE)


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
            with _skipped_alembic_commands():
                application = cli.ScriptInfo(app_import_path=spec or os.environ.get("FLASK_APP")).load_app()
        finally:
            os.chdir(here)
    except (Exception, SystemExit) as error:
        raise FlaskAppMissing(str(env), describe_exception(error)) from error
    context: AbstractContextManager[Any] = application.app_context()
    return context


@contextmanager
def _skipped_alembic_commands() -> Iterator[None]:
    """Let ``upgrade()`` and ``stamp()`` do nothing meanwhile.

    Some applications migrate their database while they are loaded. The revisions are run afterwards, by this program.
    """
    original = ScriptDirectory.run_env

    def run_env(self: ScriptDirectory) -> None:
        del self

    ScriptDirectory.run_env = run_env  # type: ignore[method-assign]
    try:
        yield
    finally:
        ScriptDirectory.run_env = original  # type: ignore[method-assign]


def uses_flask(env: Path) -> bool:
    """Whether a Python file imports ``current_app`` from Flask."""
    return bool(CURRENT_APP.search(env.read_text(encoding="utf-8", errors="replace")))
