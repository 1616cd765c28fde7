"""What the platform provides, read from the SQL that declares it: roles, schemas, extensions, default privileges."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.text.sql_tokens import (
    Tokens,
    read_name,
    skip_phrases,
    split_statements,
    tokenize_statements,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

ROLE_WORDS = ("role", "user", "group")
OPTIONAL = (("or", "replace"), ("unlogged",), ("materialized",), ("foreign",), ("constraint",), ("event",))
SERVER_WIDE = ("database", "tablespace", "system", *ROLE_WORDS)
PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")
EXTENSION = re.compile(
    r"\bcreate\s+extension\s+(?:if\s+not\s+exists\s+)?[\\\"']*(?!if\b)([A-Za-z_][\w-]*)", re.IGNORECASE
)
MISSING_EXTENSION = re.compile(
    r'extension "([^"]+)" is not available|could not open extension control file "[^"]*?([^/"]+)\.control"'
)
MISSING_IN_BUILD = re.compile(
    r"not supported (?:in|by) this build|unsupported XML feature|compression method \w+ not supported"
)
MISSING_ROLE = re.compile(r'role "([^"]+)" does not exist')


@dataclass(frozen=True)
class Platform:
    """The statements of a platform's SQL that a scratch database executes, and the roles that it needs first."""

    roles: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()

    @classmethod
    def read(cls, sql: str) -> Platform:
        """Read the SQL. What is of the whole server, such as ALTER ROLE, is not executed on a scratch server.

        ``roles``: those that CREATE ROLE names. ``ignored``: shell patterns of the names of what it creates; these
        objects are the platform's in every environment.
        """
        roles: list[str] = []
        statements: list[str] = []
        ignored: list[str] = []
        for text in split_statements(sql):
            parts = tokenize_statements(text)
            for tokens in parts:
                if _is_role(tokens) and tokens[0] == "create":
                    roles.append(read_name(tokens, 2)[0][0])
                ignored += _created(tokens)
            if parts and len(parts[0]) > 1 and not _is_server_wide(parts[0]):
                statements.append(text)
        return cls(tuple(dict.fromkeys(roles)), tuple(statements), tuple(dict.fromkeys(ignored)))


def _is_role(tokens: Tokens) -> bool:
    return tokens[1:2] != () and tokens[1] in ROLE_WORDS and tokens[2:3] not in ((), ("mapping",))


def _is_server_wide(tokens: Tokens) -> bool:
    """Whether a statement changes what all databases of a server share."""
    if tokens[0] in ("create", "alter", "drop") and tokens[1] in SERVER_WIDE:
        return tokens[2:3] != ("mapping",)
    return tokens[0] in ("grant", "revoke") and "on" not in tokens  # membership in roles


def _created(tokens: Tokens) -> list[str]:
    """Return the shell patterns of the objects that a statement creates."""
    if tokens[:3] == ("alter", "default", "privileges"):
        schema = tokens[tokens.index("schema") + 1] if "schema" in tokens else ""
        return [f"FOR ROLE *{f' IN SCHEMA {schema}' if schema else ''} ON *"]
    if tokens[0] != "create" or _is_role(tokens):
        return []
    start = skip_phrases(tokens, 1, *OPTIONAL) + 1
    if "index" in tokens[:3] or "trigger" in tokens[:3] or "policy" in tokens[:3]:
        return []
    name, end = read_name(tokens, skip_phrases(tokens, start, ("if", "not", "exists")))
    if not name or not name[0]:
        return []
    quoted = ".".join(_quoted(part) for part in name)
    return [f"{quoted}(*" if tokens[end : end + 1] == ("(",) and "table" not in tokens[:4] else quoted]


def _quoted(name: str) -> str:
    """Write an identifier as a snapshot does, as a shell pattern that matches nothing else."""
    text = name if PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'
    return re.sub(r"([*?\[])", r"[\1]", text)


NO_PLATFORM = Platform()


def find_extensions(texts: Iterable[str]) -> frozenset[str]:
    """Return the extensions that SQL or Python texts create, as far as they say so in one piece."""
    return frozenset(name.lower() for text in texts for name in EXTENSION.findall(text))


def missing_extension(message: str) -> str:
    """Return the extension that a server's error message misses, or ""."""
    found = MISSING_EXTENSION.search(message)
    return (found[1] or found[2]) if found else ""


def is_missing_in_build(message: str) -> bool:
    """Return whether a server's error message says that it was built without a feature (ICU, libxml, lz4)."""
    return bool(MISSING_IN_BUILD.search(message))


def missing_role(message: str) -> str:
    """Return the role that a server's error message misses, or ""."""
    found = MISSING_ROLE.search(message)
    return found[1] if found else ""
