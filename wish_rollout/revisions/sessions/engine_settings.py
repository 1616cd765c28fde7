"""The settings that env.py's own engine would give its sessions, for the session that is used instead.

libpq's parameter ``options`` (manual, "Parameter Key Words") and asyncpg's ``server_settings`` set the server's
parameters. They come from the URL or from ``connect_args``. Everything else in these is about the address that env.py
knows, or about the driver, and is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

WORD = re.compile(r"(?:\\.|[^\s\\])+", re.DOTALL)
LEFT_OUT = frozenset({"application_name"})
"""The session has a name of its own."""


def engine_settings(engine: sa.Engine) -> dict[str, str]:
    """Return the server's parameters that the sessions of an engine would begin with: name → value."""
    arguments = _connect_arguments(engine)
    found: dict[str, str] = {}
    for options in (engine.url.query.get("options"), arguments.get("options")):
        for text in (options,) if isinstance(options, str) else options or ():
            found |= dict(parse_options(text))
    settings = arguments.get("server_settings")
    found |= {str(name): str(value) for name, value in (settings or {}).items()}
    return {name: value for name, value in found.items() if name.lower() not in LEFT_OUT}


def parse_options(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of each ``-c name=value`` and ``--name=value`` (manual, postgres, "Options")."""
    words = iter([re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL) for word in WORD.findall(text)])
    for word in words:
        if word == "-c":
            setting = next(words, "")
        elif word.startswith("--"):
            setting = word[2:]
        else:
            setting = word[2:] if word.startswith("-c") else ""
        name, equals, value = setting.partition("=")
        if equals:
            yield name.strip().replace("-", "_"), value.strip()


def _connect_arguments(engine: sa.Engine) -> dict[str, Any]:
    """Return what the engine would pass to its driver, without connecting; nothing if env.py connects by itself."""
    dialect: Any = engine.dialect
    if getattr(dialect, "_has_events", False):
        return {}
    connect: Any = getattr(engine.pool, "_creator", None)
    if getattr(connect, "__module__", "") != "sqlalchemy.engine.create":  # env.py's own function
        return {}
    found: dict[str, Any] = {}

    class _NotConnectedError(Exception):
        pass

    def keep(*_positional: Any, **named: Any) -> None:
        found.update(named)
        raise _NotConnectedError

    before = dialect.__dict__.get("connect")
    dialect.connect = keep
    try:
        connect(None)
    except _NotConnectedError:
        pass
    finally:
        if before is None:
            del dialect.connect
        else:
            dialect.connect = before
    return found
