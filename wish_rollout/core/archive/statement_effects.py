"""What downgrades rename, drop, empty and convert, followed through their statements in order.

The delta does not tell a renamed table from a dropped and a created one, or a column that was dropped and added again
from one that was altered. The statements do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wish_rollout.core.hazards.rename_tracking import VERBS, moved_name
from wish_rollout.core.hazards.statement_actions import IF_EXISTS, StatementAction, read_actions
from wish_rollout.core.text.sql_tokens import (
    NameParts,
    Tokens,
    read_name,
    skip_phrases,
    split_actions,
    split_name,
    tokenize_statements,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wish_rollout.core.schema.snapshot import Key, Snapshot

FOLLOWED = ("table", "column")
WITHOUT_ROWS = ("alter", "begin", "comment", "commit", "drop", "grant", "revoke")
"""First words of statements that read no rows of a table that is dropped."""


@dataclass
class StatementEffects:
    """What statements do with the tables and columns of a schema, by the names that these have in it.

    ``names``: the parts of each name after the statements. ``dropped``: dropped or emptied tables, and dropped
    columns. ``converted``: columns whose values an expression (ALTER COLUMN … TYPE … USING) has computed. ``detached``:
    pairs of a table and the parent of which it is no partition or child any more.
    """

    names: dict[Key, NameParts]
    dropped: set[Key] = field(default_factory=set)
    converted: set[Key] = field(default_factory=set)
    detached: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, statements: Sequence[str], before: Snapshot) -> StatementEffects:
        """Return the effects of some statements on the tables and columns of a snapshot."""
        effects = cls({key: split_name(key[1]) for key in before.objects if key[0] in FOLLOWED})
        for text in statements:
            for tokens in tokenize_statements(text):
                effects.follow(tokens)
        return effects

    def follow(self, tokens: Tokens) -> None:
        """Apply one statement."""
        for kind, name, of in dropped_names(tokens):
            self.dropped |= {
                key for key in self.names if key[0] == kind and _is_meant(self.names[key], name, of)
            }
        for child, parent, is_detached in parent_changes(tokens):
            pairs = {(one, other) for one in self._tables(child) for other in self._tables(parent)}
            self.detached = self.detached | pairs if is_detached else self.detached - pairs
        for action in read_actions(tokens, 0):
            if action.verb in VERBS:
                self._rename(action)
            elif action.verb == "alter type of" and action.says("using"):
                self.converted |= {
                    key
                    for key, parts in self.names.items()
                    if key[0] == "column" and _is_meant(parts, action.name, action.of)
                }

    def _tables(self, name: NameParts) -> list[str]:
        """Return the tables, by their names before, that a name in a statement means."""
        return [key[1] for key, parts in self.names.items() if key[0] == "table" and _ends(parts, name)]

    def _rename(self, action: StatementAction) -> None:
        self.names = {key: moved_name(action, key[0], parts) for key, parts in self.names.items()}


def dropped_names(tokens: Tokens) -> Iterator[tuple[str, NameParts, NameParts]]:
    """Yield kind, name and table of what a statement drops or empties: tables, and columns of a table."""
    if tokens[:2] == ("drop", "table") or tokens[0] == "truncate":
        start = skip_phrases(tokens, 1, ("table",), IF_EXISTS, ("only",))
        for part in split_actions(tokens[start:]):
            yield "table", read_name(part, 0)[0], ()
    elif tokens[:2] == ("alter", "table"):
        table, place = read_name(tokens, skip_phrases(tokens, 2, IF_EXISTS, ("only",)))
        for action in split_actions(tokens[place:]):
            if action[0] == "drop" and action[1:2] != ("constraint",):
                yield "column", read_name(action, skip_phrases(action, 1, ("column",), IF_EXISTS))[0], table


def parent_changes(tokens: Tokens) -> Iterator[tuple[NameParts, NameParts, bool]]:
    """Yield a table, its parent, and whether the statement detaches the one from the other, or else attaches it."""
    if tokens[:2] != ("alter", "table"):
        return
    table, place = read_name(tokens, skip_phrases(tokens, 2, IF_EXISTS, ("only",)))
    for action in split_actions(tokens[place:]):
        if action[:2] in (("attach", "partition"), ("detach", "partition")):
            yield read_name(action, 2)[0], table, action[0] == "detach"
        elif action[:2] == ("no", "inherit"):
            yield table, read_name(action, 2)[0], True
        elif action[:1] == ("inherit",):
            yield table, read_name(action, 1)[0], False


def reads_no_rows(statements: Sequence[str]) -> bool:
    """Return whether statements only define objects, so that a table that they drop may be empty before."""
    return all(
        tokens[0] in WITHOUT_ROWS
        or tokens[:2] == ("create", "index")
        or tokens[:3] == ("create", "unique", "index")
        for text in statements
        for tokens in tokenize_statements(text)
    )


def _is_meant(parts: NameParts, name: NameParts, of: NameParts) -> bool:
    """Return whether a name in a statement means the object with these parts. ``of``: the table of a column."""
    if not of:
        return _ends(parts, name)
    return parts[-1:] == name and _ends(parts[:-1], of)


def _ends(parts: NameParts, written: NameParts) -> bool:
    return bool(written) and parts[len(parts) - len(written) :] == written
