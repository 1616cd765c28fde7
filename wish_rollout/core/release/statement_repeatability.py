"""Which statements may run a second time, where a release that was cut off goes on. Read off their words."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise

from wish_rollout.core.text.sql_tokens import Name, Tokens, find, has, name_at, skip, split, statements

SESSION = frozenset(
    {"begin", "close", "commit", "deallocate", "declare", "discard", "end", "listen", "load", "lock", "move"}
    | {"prepare", "release", "reset", "rollback", "savepoint", "set", "start", "unlisten"}
)
"""What these do ends with the session, or the transaction, in which they are said."""
ASKING = frozenset(("explain", "fetch", "show", "table", "values"))
WRITING = frozenset(("delete", "insert", "into", "merge"))
ALONE = frozenset(("alter", "cluster", "create", "drop", "reindex"))
NOT_IN_TRANSACTION = (("concurrently",), ("database",), ("tablespace",), ("system",), ("subscription",))
"""What cannot run in a transaction begins with the former and says one of these: concurrent builds and drops, and
what is not of one database (manual, CREATE INDEX, REINDEX, CREATE DATABASE, CREATE SUBSCRIPTION, ALTER SYSTEM)."""

TEMPORARY, BEFORE = ("temp", "temporary"), ("create", "replace", "local", "global", "into")


class Kind(Enum):
    """``SESSION``: always runs, and what it sets is the session's. ``READ_ONLY``: always runs, since it only reads.

    ``RUN_ONCE``: has to run once, and can be in a transaction. ``ALONE``: has to run once, and cannot.
    """

    SESSION = "session"
    READ_ONLY = "asks"
    RUN_ONCE = "once"
    ALONE = "alone"


def kind_of(text: str) -> Kind:
    """Give the kind of a text that is sent at once, of one statement or of several."""
    kinds = [_kind(words) for part in split(text) for words in statements(part)[:1]]
    if set(kinds) <= {Kind.SESSION}:
        return Kind.SESSION
    if set(kinds) <= {Kind.SESSION, Kind.READ_ONLY}:
        return Kind.READ_ONLY
    return kinds[0] if len(kinds) == 1 else Kind.RUN_ONCE


def of_session(text: str) -> list[str]:
    """Give those statements of a text that always have to run, since what they set is the session's."""
    return [
        part for part in split(text) if any(_kind(words) is Kind.SESSION for words in statements(part)[:1])
    ]


def temporary(words: Tokens) -> Name:
    """Name the temporary relation that a statement makes; nothing where it makes none."""
    pairs = pairwise(words)
    place = next(
        (at for at, (before, word) in enumerate(pairs) if word in TEMPORARY and before in BEFORE), -1
    )
    if place < 0 or words[0] not in ("create", "select", "with"):
        return ()
    kind = ("table",), ("recursive",), ("view",), ("sequence",), ("if", "not", "exists")
    return name_at(words, skip(words, place + 2, *kind))[0]


def changed(words: Tokens) -> Name:
    """Name what a statement writes to, or alters, if that is one relation."""
    if words[0] == "create" and "index" in words[:3]:
        return name_at(words, skip(words, find(words, "on") + 1, ("only",)))[0]
    behind = ("into",), ("from",), ("table",), ("view",), ("sequence",), ("if", "exists"), ("only",)
    return name_at(words, skip(words, 1, *behind))[0]


def _kind(words: Tokens) -> Kind:
    verb = words[0]
    if verb in SESSION and words[1:2] != ("prepared",):
        return Kind.SESSION
    if verb in ASKING and not (verb == "explain" and "analyze" in words and _writes(words)):
        return Kind.READ_ONLY
    if verb in ("select", "with", "("):
        return _asked(words)
    if verb == "vacuum" or (verb in ALONE and any(has(words, *one) for one in NOT_IN_TRANSACTION)):
        return Kind.ALONE
    return Kind.RUN_ONCE


def _asked(words: Tokens) -> Kind:
    """Tell a query that reads from something from one that only calls a function, for what that does."""
    called = [word for word, after in pairwise(words) if after == "("]
    if any(word == "set_config" or "advisory" in word for word in called):
        return Kind.SESSION
    return Kind.RUN_ONCE if _writes(words) or (called and "from" not in words) else Kind.READ_ONLY


def _writes(words: Tokens) -> bool:
    """Whether a query writes, or makes a table: ``FOR UPDATE`` does not."""
    updates = any(
        word == "update" and before not in ("for", "key")
        for before, word in zip(("", *words), words, strict=False)
    )
    return updates or not WRITING.isdisjoint(words)
