"""The actions of a statement, read from its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.text.sql_tokens import (
    NameParts,
    Tokens,
    contains_phrase,
    find_phrase,
    parenthesized_parts,
    read_name,
    skip_phrases,
    split_actions,
    without_parentheses,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

IF_EXISTS, IF_NOT_EXISTS = ("if", "exists"), ("if", "not", "exists")
CONSTRAINTS = ("check", "unique", "primary", "exclude", "foreign")
SET_VERBS: dict[Tokens, str] = {("schema",): "set schema"}
SET_VERBS |= {(word,): "set storage" for word in ("logged", "unlogged", "tablespace", "access")}
WRITES = ("update", "delete")
WEAK = (("access", "share"), ("row", "share"), ("row", "exclusive"), ("share", "update", "exclusive"))
"""Modes of LOCK that block neither reads nor writes (manual, 13.3.1)."""


@dataclass(frozen=True, slots=True)
class StatementAction:
    """One action of a statement. Actions of the same ``transaction`` hold each other's locks. ``of``: the table of ``name``."""

    verb: str
    name: NameParts
    transaction: int
    of: NameParts = ()
    words: Tokens = ()

    def says(self, *phrase: str) -> bool:
        """Return whether the tokens contain a phrase."""
        return contains_phrase(self.words, *phrase)


def read_actions(words: Tokens, transaction: int) -> Iterator[StatementAction]:
    """Yield the actions of one statement. ``transaction``: the number of its transaction."""
    verb = words[:2] if words[:2] != ("create", "unique") else ("create", *words[2:3])
    if verb == ("create", "index"):
        place = skip_phrases(words, find_phrase(words, "index") + 1, ("concurrently",), IF_NOT_EXISTS)
        name, place = ((), place) if words[place : place + 1] == ("on",) else read_name(words, place)
        table, _ = read_name(words, skip_phrases(words, place, ("on",), ("only",)))
        yield StatementAction("create index", name, transaction, table, words)
    elif words[0] == "create" and contains_phrase(words, "partition", "of"):
        name, _ = read_name(words, skip_phrases(words, find_phrase(words, "table") + 1, IF_NOT_EXISTS))
        parent, _ = read_name(words, find_phrase(words, "partition", "of") + 2)
        yield StatementAction("create partition", name, transaction, parent, words)
    elif verb == ("drop", "index"):
        place = skip_phrases(words, 2, ("concurrently",), IF_EXISTS)
        for part in split_actions(words[place:]):
            yield StatementAction("drop index", read_name(part, 0)[0], transaction, (), words)
    elif verb == ("alter", "index") and contains_phrase(words, "rename", "to"):
        name, place = read_name(words, skip_phrases(words, 2, IF_EXISTS))
        yield StatementAction("rename index", name, transaction, (), words[place + 2 :])
    elif verb == ("alter", "table"):
        table, place = read_name(words, skip_phrases(words, 2, IF_EXISTS, ("only",)))
        for action in split_actions(words[place:]):
            yield from _action(table, action, transaction)
    elif verb in (("alter", "domain"), ("alter", "type")):
        name, place = read_name(words, 2)
        yield StatementAction(" ".join(verb), name, transaction, (), words[place:])
    elif words[0] == "set" and (contains_phrase(words, "timezone") or contains_phrase(words, "time", "zone")):
        yield StatementAction("set time zone", (), transaction, (), words)
    else:
        yield from _writing(words, transaction)
        yield from _locking(words, transaction)


def _action(table: NameParts, action: Tokens, transaction: int) -> Iterator[StatementAction]:
    if action[:2] == ("rename", "to"):
        yield StatementAction("rename table", table, transaction, (), action[2:])
    elif action[0] == "rename":
        kind = "constraint" if action[1:2] == ("constraint",) else "column"
        name, place = read_name(action, skip_phrases(action, 1, (kind,)))
        yield StatementAction(f"rename {kind}", name, transaction, table, action[place + 1 :])
    elif action[0] == "set" and action[1:2] in SET_VERBS:
        yield StatementAction(SET_VERBS[action[1:2]], table, transaction, (), action[2:])
    elif action[:2] == ("add", "constraint"):
        yield StatementAction("add constraint", read_name(action, 2)[0], transaction, table, action)
    elif action[0] == "add" and action[1] in CONSTRAINTS:
        yield StatementAction("add constraint", (), transaction, table, action)
    elif action[:2] == ("validate", "constraint"):
        yield StatementAction("validate constraint", read_name(action, 2)[0], transaction, table, action)
    elif action[0] == "add":
        name, place = read_name(action, skip_phrases(action, 1, ("column",), IF_NOT_EXISTS))
        yield StatementAction("add column", name, transaction, table, action[place:])
    elif action[:2] == ("attach", "partition"):
        yield StatementAction("attach partition", read_name(action, 2)[0], transaction, table, action)
    elif action[0] == "alter":
        yield from _column(table, action, transaction)


def _column(table: NameParts, action: Tokens, transaction: int) -> Iterator[StatementAction]:
    name, place = read_name(action, skip_phrases(action, 1, ("column",)))
    rest = action[place:]
    if rest == ("set", "not", "null"):
        yield StatementAction("set not null", name, transaction, table)
    elif rest[:1] == ("type",) or rest[:3] == ("set", "data", "type"):
        yield StatementAction("alter type of", name, transaction, table, rest)


def _writing(words: Tokens, transaction: int) -> Iterator[StatementAction]:
    """Yield UPDATE, DELETE and TRUNCATE, also inside of a WITH."""
    if words[0] == "truncate":
        for part in split_actions(words[skip_phrases(words, 1, ("table",), ("only",)) :]):
            yield StatementAction("truncate", read_name(part, 0)[0], transaction, (), words)
    elif words[0] == "update":
        yield StatementAction(
            "update",
            read_name(words, skip_phrases(words, 1, ("only",)))[0],
            transaction,
            (),
            without_parentheses(words),
        )
    elif words[:2] == ("delete", "from"):
        yield StatementAction(
            "delete",
            read_name(words, skip_phrases(words, 2, ("only",)))[0],
            transaction,
            (),
            without_parentheses(words),
        )
    elif words[0] == "with":
        for part in parenthesized_parts(words):
            if part[:1] and part[0] in WRITES:
                yield from _writing(part, transaction)
        top = without_parentheses(words)
        main = next((place for place, word in enumerate(top) if word in WRITES), None)
        if main is not None:
            yield from _writing(top[main:], transaction)


def _locking(words: Tokens, transaction: int) -> Iterator[StatementAction]:
    """Yield what locks a whole table: CLUSTER, VACUUM FULL, REINDEX, REFRESH, LOCK."""
    verb, plain = words[0], without_parentheses(words)
    if verb == "cluster":
        yield StatementAction(
            "cluster", read_name(plain, skip_phrases(plain, 1, ("verbose",)))[0], transaction, (), words
        )
    elif verb == "vacuum" and contains_phrase(words, "full") and not contains_phrase(words, "full", "false"):
        place = skip_phrases(plain, 1, ("full",), ("freeze",), ("verbose",), ("analyze",))
        for part in split_actions(plain[place:]) or [()]:
            yield StatementAction("vacuum full", read_name(part, 0)[0], transaction, (), words)
    elif verb == "reindex":
        kind = plain[1] if len(plain) > 1 else ""
        name = read_name(plain, skip_phrases(plain, 2, ("concurrently",)))[0]
        whole = kind in ("schema", "database", "system")
        yield StatementAction("reindex", () if whole else name, transaction, (), words)
    elif words[:3] == ("refresh", "materialized", "view"):
        place = skip_phrases(words, 3, ("concurrently",))
        yield StatementAction("refresh", read_name(words, place)[0], transaction, (), words)
    elif verb == "lock":
        mode = words[find_phrase(words, "in") + 1 :] if contains_phrase(words, "mode") else ()
        if not any(mode[: len(weak) + 1] == (*weak, "mode") for weak in WEAK):
            for part in split_actions(words[skip_phrases(words, 1, ("table",), ("only",)) :]):
                yield StatementAction("lock", read_name(part, 0)[0], transaction, (), words)
