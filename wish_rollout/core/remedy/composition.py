"""Putting a remedy together: renames, early drops, what is made and altered in order, rights, late drops."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.column_placement import note_places
from wish_rollout.core.remedy.mentions import Mentions, in_order
from wish_rollout.core.remedy.recreation import Rebuilding
from wish_rollout.core.remedy.removal import Dropping
from wish_rollout.core.remedy.statements import Statement
from wish_rollout.core.remedy.type_casts import may_lose
from wish_rollout.core.remedy.writers import columns, privileges, schemas, sequences, tables
from wish_rollout.core.remedy.writers.by_kind import LAST, UNTOUCHED, WRITERS
from wish_rollout.core.schema.comparison import difference
from wish_rollout.core.schema.inheritance import unfold_inherited
from wish_rollout.core.schema.names import parent_object, split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.schema.snapshot import Key, Snapshot

_BESIDE = ("owner", "privileges", "comment", "index comment", "depends on extensions")
_WITH_COLUMNS = ("table", "view", "materialized view", "foreign table")


class Composing:
    """The statements from one schema to another; columns have the same names in both already."""

    def __init__(self, draft: Draft, live: Snapshot, target: Snapshot) -> None:
        self.draft = draft
        self.changed: dict[Key, Pairs] = {}
        self.added: set[Key] = set()
        self.removed: set[Key] = set()
        for change in unfold_inherited(difference(live, target).changes):
            key = (change.kind, change.name)
            if change.change == "changed":
                self.changed[key] = dict(change.properties)
            else:
                (self.added if change.change == "added" else self.removed).add(key)
        self.rebuilt = Rebuilding(draft, self.changed, self.removed).find()
        self.wanted = Mentions(draft.target)
        self.last: list[Statement] = []

    def statements(self) -> Iterator[Statement]:
        """Give all of them in order."""
        note_places(self.draft, self.changed, self.added, self.removed)
        dropping = Dropping(self.draft, self.removed, self.rebuilt, self.added)
        yield from dropping.early()
        for key in in_order(self.nodes, self._needs, self._rank):
            yield from self._node(key)
        yield from self.last
        yield from self._links()
        yield from dropping.late()

    @cached_property
    def nodes(self) -> list[Key]:
        """What is made or altered; columns of what is made come with it."""
        made = {key for key in self.added | self.rebuilt if key in self.draft.target}
        nodes = (made | self.changed.keys()) - {
            key
            for key in self.added | self.changed.keys()
            if key[0] == "column" and any((kind, split_last(key[1])[0]) in made for kind in _WITH_COLUMNS)
        }
        return sorted(nodes)

    @cached_property
    def column_nodes(self) -> dict[str, list[Key]]:
        """The columns that are made or altered, by their table."""
        found: dict[str, list[Key]] = {}
        for key in self.nodes:
            if key[0] == "column":
                found.setdefault(split_last(key[1])[0], []).append(key)
        return found

    def _needs(self, key: Key) -> set[Key]:
        needed = self.wanted.needs(key)
        if key[0] == "sequence":
            needed = {other for other in needed if other[0] == "schema"}
        if key[0] in {"table", "column", "sequence", "schema"}:
            return needed
        for table in {name for kind, name in needed if kind in _WITH_COLUMNS}:
            needed.update(self.column_nodes.get(table, ()))
        if self.draft.target[key].get("type") == "foreign key":
            table = self.draft.target[key]["references"]
            needed.update(
                other
                for other in self.nodes
                if other[0] in {"constraint", "index"}
                and parent_object(*other, self.draft.target[other]) == table
                and self.draft.target[other].get("type") != "foreign key"
            )
        return needed

    def _rank(self, key: Key) -> tuple[int, int, str]:
        writer = WRITERS.get(key[0])
        return (writer.rank if writer else LAST, self.draft.target[key].get("position", 0), key[1])

    def _node(self, key: Key) -> list[Statement]:
        kind, name = key
        if kind == "default privileges":
            pair = (each.get(key, {}).get("privileges", {}) for each in (self.draft.live, self.draft.target))
            return [Statement(sql, kind, name) for sql in schemas.default_privileges(self.draft, name, *pair)]
        return self._made(key) if key in self.added | self.rebuilt else self._altered(key)

    def _made(self, key: Key) -> list[Statement]:
        kind, name = key
        properties = dict(self.draft.target[key])
        properties.pop("replica identity", None)
        writer = WRITERS.get(kind)
        whole = parent_object(kind, name, properties)
        if writer is None or self._has_no_whole(whole):
            why = f"how to make a {kind} is not covered" if writer is None else f"nothing makes {whole}"
            if kind != "cast" or not any(each[0] == "range type" for each in self.wanted.needs(key)):
                self.draft.gap(kind, name, UNTOUCHED.get(kind, why))
            return []
        beside: Pairs = {}
        if kind != "column":
            beside = {part: (None, properties.pop(part)) for part in _BESIDE if part in properties}
        made = writer.create(self.draft, name, properties)
        for left in properties:
            self.draft.gap(kind, name, f"its {left} is not covered")
        self._beside(key, beside, created=True)
        return [Statement(sql, kind, name) for sql in made]

    def _has_no_whole(self, whole: str | None) -> bool:
        """Whether a part's whole is missing, and nothing is written that makes it."""
        return any(kind not in WRITERS for kind, name in self.added if name == whole)

    def _altered(self, key: Key) -> list[Statement]:
        kind, name = key
        pairs = dict(self.changed[key])
        if kind in UNTOUCHED:
            self.draft.gap(kind, name, UNTOUCHED[kind])
            return []
        pairs.pop("replica identity", None)
        writer = WRITERS.get(kind)
        beside: Pairs = {}
        if kind != "column":
            beside = {part: pairs.pop(part) for part in _BESIDE if part in pairs}
        lossy = kind == "column" and self._column_loses(key, pairs)
        made = writer.alter(self.draft, name, pairs) if writer and writer.alter else []
        for left in pairs:
            self.draft.gap(kind, name, f"its {left} cannot be changed afterwards")
        self._beside(key, beside)
        heavy = (" TYPE ", "DROP COLUMN ")
        return [Statement(sql, kind, name, lossy and any(each in sql for each in heavy)) for sql in made]

    def _column_loses(self, key: Key, pairs: Pairs) -> bool:
        if "type" in pairs:
            return may_lose(*pairs["type"])
        live = self.draft.live[key]
        plain = "generated" not in live or "generated" not in self.draft.target[key]
        return columns.made_anew(self.draft, pairs, live) and plain

    def _beside(self, key: Key, pairs: Pairs, *, created: bool = False) -> None:
        kind, name = key
        regrant = "privileges" in pairs and kind in _WITH_COLUMNS and not created
        if pairs or created:
            made = privileges.finish(self.draft, kind, name, pairs, created=created)
            self.last += [Statement(sql, kind, name) for sql in made]
        for left in pairs:
            self.draft.gap(kind, name, f"its {left} is not covered")
        if regrant:
            for column in self.draft.columns(self.draft.target, name):
                for sql in privileges.column_privileges(self.draft, column, {}, again=True):
                    self.last.append(Statement(sql, "column", column))

    def _links(self) -> Iterator[Statement]:
        """Give what ties finished objects to each other: owned sequences, and the index that tells rows apart."""
        for key in self.nodes:
            kind, name = key
            old, new = self.draft.live.get(key, {}), self.draft.target[key]
            if kind == "sequence" and old.get("owned by") != new.get("owned by"):
                yield Statement(sequences.owned(name, new), kind, name)
        for key, new in self.draft.target.items():
            if key[0] == "table" and self._identity_touched(key):
                yield Statement(tables.replica_identity(key[1], new.get("replica identity")), *key)

    def _identity_touched(self, key: Key) -> bool:
        wanted = self.draft.target[key].get("replica identity")
        if wanted != self.draft.live.get(key, {}).get("replica identity"):
            return True
        if wanted is None or not wanted.startswith("index "):
            return False
        index = wanted.removeprefix("index ")
        return any(
            split_last(name)[1] == index for kind, name in self.rebuilt if kind in {"index", "constraint"}
        )
