"""Classification of statements: which of them may run again when an interrupted release continues.

The classification is read from the tokens of a statement.
"""

from __future__ import annotations

from enum import Enum
from itertools import pairwise

from wish_rollout.core.text.sql_tokens import (
    NameParts,
    Tokens,
    contains_phrase,
    find_phrase,
    read_name,
    skip_phrases,
    split_statements,
    tokenize_statements,
)

SESSION_COMMANDS = frozenset(
    {"begin", "close", "commit", "deallocate", "declare", "discard", "end", "listen", "load", "lock", "move"}
    | {"prepare", "release", "reset", "rollback", "savepoint", "set", "start", "unlisten"}
)
"""The effect of these commands ends with the session or the transaction."""
READ_COMMANDS = frozenset(("explain", "fetch", "show", "table", "values"))
WRITE_KEYWORDS = frozenset(("delete", "insert", "into", "merge"))
MAYBE_WRITING_ROWS = frozenset(
    ("call", "delete", "do", "execute", "insert", "merge", "select", "update", "with")
)
MAYBE_HIDING_DDL = frozenset(("call", "do", "execute", "select", "values", "with"))
DEFINING = frozenset(("alter", "comment", "create", "drop", "grant", "revoke", "security"))
MAYBE_OUTSIDE_TRANSACTION = frozenset(("alter", "cluster", "create", "drop", "reindex"))
OUTSIDE_TRANSACTION_PHRASES = (
    ("concurrently",),
    ("database",),
    ("tablespace",),
    ("system",),
    ("subscription",),
)
"""A statement that cannot run in a transaction block begins with one of the former and contains one of these
(manual, CREATE INDEX, REINDEX, CREATE DATABASE, CREATE TABLESPACE, CREATE SUBSCRIPTION, ALTER SYSTEM)."""

TEMPORARY, BEFORE_TEMPORARY = ("temp", "temporary"), ("create", "replace", "local", "global", "into")


class StatementKind(Enum):
    """Whether a statement has to run again when an interrupted release continues."""

    SESSION = "session"
    """Runs each time: it changes the state of the session."""
    READ_ONLY = "asks"
    """Runs each time: it only reads."""
    RUN_ONCE = "once"
    """Must run once, and can run in a transaction block."""
    OUTSIDE_TRANSACTION = "alone"
    """Must run once, and cannot run in a transaction block."""


def classify_text(text: str) -> StatementKind:
    """Return the kind of a text that is sent to the server at once: of one statement or of several."""
    kinds = [_classify(tokens) for part in split_statements(text) for tokens in tokenize_statements(part)[:1]]
    if set(kinds) <= {StatementKind.SESSION}:
        return StatementKind.SESSION
    if set(kinds) <= {StatementKind.SESSION, StatementKind.READ_ONLY}:
        return StatementKind.READ_ONLY
    return kinds[0] if len(kinds) == 1 else StatementKind.RUN_ONCE


def may_write_rows(text: str) -> bool:
    """Return whether a text contains a statement that may write rows of an existing table."""
    return any(tokens[0] in MAYBE_WRITING_ROWS for tokens in tokenize_statements(text) if tokens)


def may_hide_ddl(text: str) -> bool:
    """Return whether a text contains a statement that may execute DDL which the text does not show."""
    return any(tokens[0] in MAYBE_HIDING_DDL for tokens in tokenize_statements(text) if tokens)


def only_defines_objects(text: str) -> bool:
    """Return whether a text contains only DDL that executes no query, so that it changes no setting of the session.

    Functions that event triggers, defaults and index expressions call might do it; that is not examined.
    """
    return all(
        _is_view(tokens) or _defines_without_query(tokens) for tokens in tokenize_statements(text) if tokens
    )


def _is_view(tokens: Tokens) -> bool:
    """Return whether a statement creates a view, whose query is only stored."""
    index = skip_phrases(tokens, 1, ("or", "replace"), ("temp",), ("temporary",), ("recursive",))
    return tokens[0] == "create" and tokens[index : index + 1] == ("view",)


def _defines_without_query(tokens: Tokens) -> bool:
    """Return whether a statement is DDL without a query; WITH TIME ZONE belongs to a type."""
    words = {word for word, following in pairwise((*tokens, "")) if (word, following) != ("with", "time")}
    return (
        tokens[0] in DEFINING
        and MAYBE_HIDING_DDL.isdisjoint(words)
        and not contains_phrase(tokens, "as", "table")
    )


def session_statements(text: str) -> list[str]:
    """Return the statements of a text that change the state of the session, and so run each time."""
    return [part for part in split_statements(text) if _changes_session(part)]


def _changes_session(statement: str) -> bool:
    return any(_classify(tokens) is StatementKind.SESSION for tokens in tokenize_statements(statement)[:1])


def temporary_relation(tokens: Tokens) -> NameParts:
    """Return the name of the temporary relation that a statement creates, or ()."""
    index = next(
        (
            index
            for index, (previous, word) in enumerate(pairwise(tokens))
            if word in TEMPORARY and previous in BEFORE_TEMPORARY
        ),
        -1,
    )
    if index < 0 or tokens[0] not in ("create", "select", "with"):
        return ()
    optional = ("table",), ("recursive",), ("view",), ("sequence",), ("if", "not", "exists")
    return read_name(tokens, skip_phrases(tokens, index + 2, *optional))[0]


def written_relation(tokens: Tokens) -> NameParts:
    """Return the name of the relation that a statement writes to or alters, if it is one relation."""
    if tokens[0] == "create" and "index" in tokens[:3]:
        return read_name(tokens, skip_phrases(tokens, find_phrase(tokens, "on") + 1, ("only",)))[0]
    optional = ("into",), ("from",), ("table",), ("view",), ("sequence",), ("if", "exists"), ("only",)
    return read_name(tokens, skip_phrases(tokens, 1, *optional))[0]


def _classify(tokens: Tokens) -> StatementKind:
    command = tokens[0]
    if command in SESSION_COMMANDS and tokens[1:2] != ("prepared",):
        return StatementKind.SESSION
    if command in READ_COMMANDS and not (command == "explain" and "analyze" in tokens and _writes(tokens)):
        return StatementKind.READ_ONLY
    if command in ("select", "with", "("):
        return _classify_query(tokens)
    if command == "vacuum" or (
        command in MAYBE_OUTSIDE_TRANSACTION
        and any(contains_phrase(tokens, *phrase) for phrase in OUTSIDE_TRANSACTION_PHRASES)
    ):
        return StatementKind.OUTSIDE_TRANSACTION
    return StatementKind.RUN_ONCE


def _classify_query(tokens: Tokens) -> StatementKind:
    """Return the kind of a query: one that only calls a function, without FROM, may do so for its effect."""
    called = [word for word, following in pairwise(tokens) if following == "("]
    if any(word == "set_config" or "advisory" in word for word in called):
        return StatementKind.SESSION
    if _writes(tokens) or (called and "from" not in tokens):
        return StatementKind.RUN_ONCE
    return StatementKind.READ_ONLY


def _writes(tokens: Tokens) -> bool:
    """Return whether a query writes rows or creates a table; ``FOR UPDATE`` does neither."""
    updates = any(
        word == "update" and previous not in ("for", "key")
        for previous, word in zip(("", *tokens), tokens, strict=False)
    )
    return updates or not WRITE_KEYWORDS.isdisjoint(tokens)
