"""What one statement does, as far as hazards ask: acts, read off its words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.text.sql_tokens import Name, Tokens, actions, find, has, inner, name_at, outer, skip

if TYPE_CHECKING:
    from collections.abc import Iterator

IF_EXISTS, IF_NOT_EXISTS = ("if", "exists"), ("if", "not", "exists")
CONSTRAINTS = ("check", "unique", "primary", "exclude", "foreign")
WRITES = ("update", "delete")
WEAK = (("access", "share"), ("row", "share"), ("row", "exclusive"), ("share", "update", "exclusive"))
"""Modes of LOCK that let reads and writes go on (manual, 13.3.1)."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a statement does. ``transaction``: acts with the same number hold each other's locks."""

    verb: str
    name: Name
    transaction: int
    of: Name = ()
    words: Tokens = ()

    def says(self, *phrase: str) -> bool:
        """Whether its words have the phrase."""
        return has(self.words, *phrase)


def acts_of(words: Tokens, transaction: int) -> Iterator[Act]:
    """Read the acts of one statement."""
    verb = words[:2] if words[:2] != ("create", "unique") else ("create", *words[2:3])
    if verb == ("create", "index"):
        place = skip(words, find(words, "index") + 1, ("concurrently",), IF_NOT_EXISTS)
        name, place = ((), place) if words[place : place + 1] == ("on",) else name_at(words, place)
        table, _ = name_at(words, skip(words, place, ("on",), ("only",)))
        yield Act("create index", name, transaction, table, words)
    elif verb == ("drop", "index"):
        place = skip(words, 2, ("concurrently",), IF_EXISTS)
        for part in actions(words[place:]):
            yield Act("drop index", name_at(part, 0)[0], transaction, (), words)
    elif verb == ("alter", "index") and has(words, "rename", "to"):
        name, place = name_at(words, skip(words, 2, IF_EXISTS))
        yield Act("rename index", name, transaction, (), words[place + 2 :])
    elif verb == ("alter", "table"):
        table, place = name_at(words, skip(words, 2, IF_EXISTS, ("only",)))
        for action in actions(words[place:]):
            yield from _action(table, action, transaction)
    elif verb in (("alter", "domain"), ("alter", "type")):
        name, place = name_at(words, 2)
        yield Act(" ".join(verb), name, transaction, (), words[place:])
    elif words[0] == "set" and (has(words, "timezone") or has(words, "time", "zone")):
        yield Act("set time zone", (), transaction, (), words)
    else:
        yield from _writing(words, transaction)
        yield from _locking(words, transaction)


def _action(table: Name, action: Tokens, transaction: int) -> Iterator[Act]:
    if action[:2] == ("rename", "to"):
        yield Act("rename table", table, transaction, (), action[2:])
    elif action[0] == "rename":
        kind = "constraint" if action[1:2] == ("constraint",) else "column"
        name, place = name_at(action, skip(action, 1, (kind,)))
        yield Act(f"rename {kind}", name, transaction, table, action[place + 1 :])
    elif action[:2] == ("set", "schema"):
        yield Act("set schema", table, transaction, (), action[2:])
    elif action[:2] == ("add", "constraint"):
        yield Act("add constraint", name_at(action, 2)[0], transaction, table, action)
    elif action[0] == "add" and action[1] in CONSTRAINTS:
        yield Act("add constraint", (), transaction, table, action)
    elif action[:2] == ("validate", "constraint"):
        yield Act("validate constraint", name_at(action, 2)[0], transaction, table, action)
    elif action[0] == "add":
        name, place = name_at(action, skip(action, 1, ("column",), IF_NOT_EXISTS))
        yield Act("add column", name, transaction, table, action[place:])
    elif action[:2] == ("attach", "partition"):
        yield Act("attach partition", name_at(action, 2)[0], transaction, table, action)
    elif action[0] == "alter":
        yield from _column(table, action, transaction)


def _column(table: Name, action: Tokens, transaction: int) -> Iterator[Act]:
    name, place = name_at(action, skip(action, 1, ("column",)))
    rest = action[place:]
    if rest == ("set", "not", "null"):
        yield Act("set not null", name, transaction, table)
    elif rest[:1] == ("type",) or rest[:3] == ("set", "data", "type"):
        yield Act("alter type of", name, transaction, table, rest)


def _writing(words: Tokens, transaction: int) -> Iterator[Act]:
    """Read UPDATE, DELETE and TRUNCATE, also inside of a WITH."""
    if words[0] == "truncate":
        for part in actions(words[skip(words, 1, ("table",), ("only",)) :]):
            yield Act("truncate", name_at(part, 0)[0], transaction, (), words)
    elif words[0] == "update":
        yield Act("update", name_at(words, skip(words, 1, ("only",)))[0], transaction, (), outer(words))
    elif words[:2] == ("delete", "from"):
        yield Act("delete", name_at(words, skip(words, 2, ("only",)))[0], transaction, (), outer(words))
    elif words[0] == "with":
        for part in inner(words):
            if part[:1] and part[0] in WRITES:
                yield from _writing(part, transaction)
        top = outer(words)
        main = next((place for place, word in enumerate(top) if word in WRITES), None)
        if main is not None:
            yield from _writing(top[main:], transaction)


def _locking(words: Tokens, transaction: int) -> Iterator[Act]:
    """Read what locks a whole table: CLUSTER, VACUUM FULL, REINDEX, REFRESH, LOCK."""
    verb, plain = words[0], outer(words)
    if verb == "cluster":
        yield Act("cluster", name_at(plain, skip(plain, 1, ("verbose",)))[0], transaction, (), words)
    elif verb == "vacuum" and has(words, "full") and not has(words, "full", "false"):
        place = skip(plain, 1, ("full",), ("freeze",), ("verbose",), ("analyze",))
        for part in actions(plain[place:]) or [()]:
            yield Act("vacuum full", name_at(part, 0)[0], transaction, (), words)
    elif verb == "reindex":
        kind = plain[1] if len(plain) > 1 else ""
        name = name_at(plain, skip(plain, 2, ("concurrently",)))[0]
        whole = kind in ("schema", "database", "system")
        yield Act("reindex", () if whole else name, transaction, (), words)
    elif words[:3] == ("refresh", "materialized", "view"):
        place = skip(words, 3, ("concurrently",))
        yield Act("refresh", name_at(words, place)[0], transaction, (), words)
    elif verb == "lock":
        mode = words[find(words, "in") + 1 :] if has(words, "mode") else ()
        if not any(mode[: len(weak) + 1] == (*weak, "mode") for weak in WEAK):
            for part in actions(words[skip(words, 1, ("table",), ("only",)) :]):
                yield Act("lock", name_at(part, 0)[0], transaction, (), words)
