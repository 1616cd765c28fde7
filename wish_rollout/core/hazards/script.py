"""How a revision does what it does: what its statements say and the catalog cannot tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.sql_words import Name, Words, actions, find, has, means, name_at, skip, statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

COMMIT, BEGIN = "COMMIT", "BEGIN"
"""As the statements of a revision show that it leaves the transaction, and enters one again."""
IF_EXISTS, IF_NOT_EXISTS = ("if", "exists"), ("if", "not", "exists")

TABLE_CONSTRAINTS = ("constraint", "check", "unique", "primary", "exclude", "foreign")


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that a statement does. ``transaction``: acts with the same number hold each other's locks."""

    verb: str
    name: Name
    transaction: int
    of: Name = ()
    words: Words = ()

    def says(self, *phrase: str) -> bool:
        """Whether its words have the phrase."""
        return has(self.words, *phrase)


class Script:
    """The acts of a revision, in order."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.acts = tuple(_acts(texts))

    def find(self, verb: str, name: str, of: str = "") -> Act | None:
        """Give the last act of a verb on an object that a snapshot calls so (``of``: on which table)."""
        for act in reversed(self.acts):
            if act.verb == verb and means(act.name, name) and (not of or means(act.of, of)):
                return act
        return None

    def of_verb(self, *verbs: str) -> list[Act]:
        """Give all acts of these verbs."""
        return [act for act in self.acts if act.verb in verbs]


def _acts(texts: Iterable[str]) -> Iterator[Act]:
    transaction, outside = 0, False
    for text in texts:
        for words in statements(text):
            if words in (("commit",), ("begin",)):
                outside = words == ("commit",)
                transaction += 1
                continue
            transaction += outside
            yield from _acts_of(words, transaction)


def _acts_of(words: Words, transaction: int) -> Iterator[Act]:
    verb = words[:2] if words[:2] != ("create", "unique") else ("create", *words[2:3])
    if verb == ("create", "index"):
        place = skip(words, find(words, "index") + 1, ("concurrently",), IF_NOT_EXISTS)
        name, place = name_at(words, place)
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
    else:
        yield from _other(words, transaction)


def _action(table: Name, action: Words, transaction: int) -> Iterator[Act]:
    if action[:2] == ("rename", "to"):
        yield Act("rename table", table, transaction, (), action[2:])
    elif action[0] == "rename":
        kind = "constraint" if action[1] == "constraint" else "column"
        name, place = name_at(action, skip(action, 1, (kind,)))
        yield Act(f"rename {kind}", name, transaction, table, action[place + 1 :])
    elif action[:2] == ("set", "schema"):
        yield Act("set schema", table, transaction, (), action[2:])
    elif action[:2] == ("add", "constraint"):
        yield Act("add constraint", name_at(action, 2)[0], transaction, table, action)
    elif action[:2] == ("validate", "constraint"):
        yield Act("validate constraint", name_at(action, 2)[0], transaction, table, action)
    elif action[0] == "add" and action[1] not in TABLE_CONSTRAINTS:
        name, place = name_at(action, skip(action, 1, ("column",), IF_NOT_EXISTS))
        yield Act("add column", name, transaction, table, action[place:])
    elif action[0] == "alter" and action[-3:] == ("set", "not", "null"):
        yield Act("set not null", name_at(action, skip(action, 1, ("column",)))[0], transaction, table)


def _other(words: Words, transaction: int) -> Iterator[Act]:
    if words[0] == "truncate":
        for part in actions(words[skip(words, 1, ("table",), ("only",)) :]):
            yield Act("truncate", name_at(part, 0)[0], transaction, (), words)
    elif words[0] == "update":
        yield Act("update", name_at(words, skip(words, 1, ("only",)))[0], transaction, (), words)
    elif words[:2] == ("delete", "from"):
        yield Act("delete", name_at(words, skip(words, 2, ("only",)))[0], transaction, (), words)
    elif words[0] == "cluster":
        yield Act("cluster", name_at(words, skip(words, 1, ("verbose",)))[0], transaction, (), words)
    elif words[0] == "reindex" and "table" in words:
        place = skip(words, find(words, "table") + 1, ("concurrently",))
        yield Act("reindex", name_at(words, place)[0], transaction, (), words)
    elif words[:3] == ("refresh", "materialized", "view"):
        place = skip(words, 3, ("concurrently",))
        yield Act("refresh", name_at(words, place)[0], transaction, (), words)
