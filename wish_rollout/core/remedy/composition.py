"""Composing a remedy: the statements of each step, in the order of the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.column_placement import note_places
from wish_rollout.core.remedy.data_loss import change_loses, columns_holding, drop_loses
from wish_rollout.core.remedy.drop_statements import DropStatements
from wish_rollout.core.remedy.graph.parts import reported
from wish_rollout.core.remedy.graph.schema_index import RELATIONS
from wish_rollout.core.remedy.statements import Statement
from wish_rollout.core.remedy.steps.step_builder import StepBuilder
from wish_rollout.core.remedy.writers import privileges, schemas, sequences, tables, type_replacement
from wish_rollout.core.remedy.writers.by_kind import LAST, WRITERS
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.graph.step_graph import Step
    from wish_rollout.core.remedy.steps.change_set import ChangeSet
    from wish_rollout.core.schema.snapshot import Key

BESIDE = ("owner", "privileges", "comment", "index comment", "depends on extensions")
_CREATES = frozenset({"create", "alter", "move", "attach", "set aside"})
_HEAVY = (" TYPE ", "DROP ATTRIBUTE ", "ALTER ATTRIBUTE ")


class Composition:
    """The statements from one schema to another; columns have the same names in both already."""

    def __init__(self, draft: Draft, changes: ChangeSet) -> None:
        self.draft = draft
        self.changes = changes
        builder = StepBuilder(draft, changes)
        self.graph, self.lookup = builder.build(), builder.lookup
        draft.inlined = {
            key
            for key in changes.created
            if key[0] == "default" and (step := self.lookup.creation_of(key)) and step.key != key
        }
        self.drops = DropStatements(draft, changes, self.lookup)
        self.marked = self._mark_losses()
        self.last: list[Statement] = []

    def statements(self) -> Iterator[Statement]:
        """Yield all statements in order."""
        note_places(self.draft, self.changes)
        steps = self.graph.sorted(self._rank)
        end = max((place for place, step in enumerate(steps) if step.verb in _CREATES), default=-1) + 1
        for step in steps[:end]:
            yield from self._step(step)
        yield from self.last
        yield from self._column_privileges()
        yield from self._links()
        for step in steps[end:]:
            yield from self._step(step)

    def _mark_losses(self) -> set[Step]:
        """Return the steps that lose data, and those that can only run after one."""
        graph, changes = self.graph, self.changes
        losing = {
            step
            for step in graph.steps
            if step.verb == "drop" and not changes.replaced(step.key) and drop_loses(self.draft, step.key)
        }
        altering = {
            step
            for step in graph.steps
            if step.verb == "alter" and change_loses(self.draft, step.key, changes.changed[step.key])
        }
        altering |= {
            step
            for step in graph.steps
            if step.verb == "move" and type_replacement.loses(self.draft, step.key[1])
        }
        waiting = [*losing, *altering]
        marked = set(waiting)
        while waiting:
            step = waiting.pop()
            following = set(graph.after.get(step, ()))
            if (
                step.verb == "create"
                and step.key in changes.rebuilt
                and (drop := self.lookup.drop_of(step.key))
            ):
                following.add(drop)
            waiting += following - marked
            marked |= following
        return marked

    def _rank(self, step: Step) -> tuple[Any, ...]:
        kind, name = step.key
        writer = WRITERS.get(kind)
        rank = writer.rank if writer else LAST
        if step.verb == "detach":
            return (0, 0, 0, name)
        if step.verb == "drop":
            place = self.draft.live[step.key].get("position", 0)
            early = step.key in self.changes.rebuilt or (writer is not None and writer.early)
            phase = 3 if step in self.marked else 0 if early and not self.changes.replaced(step.key) else 2
            foreign_key = self.draft.live[step.key].get("type") == "foreign key"
            return (phase, -rank, -place, not foreign_key, name)
        if step.verb == "attach":
            return (1, WRITERS["column"].rank + 1, 0, name)
        if step.verb in {"set aside", "move"}:
            return (1, rank, 0, name)
        foreign_key = self.draft.target[step.key].get("type") == "foreign key"
        return (1, rank, self.draft.target[step.key].get("position", 0) + foreign_key, name)

    def _step(self, step: Step) -> Iterator[Statement]:
        key = step.key
        kind, name = reported(key)
        marked = step in self.marked
        if step.verb == "drop":
            yield from self.drops.write(key, marked=marked)
            return
        lossy_words: tuple[str, ...] = ("",)
        if step.verb == "create":
            made = self._created(key)
        elif step.verb == "alter":
            made = self._altered(key)
            if change_loses(self.draft, key, self.changes.changed[key]):
                lossy_words = _HEAVY
        elif step.verb == "move":
            made = type_replacement.move(self.draft, name)
        elif step.verb == "set aside":
            made = type_replacement.set_aside(kind, name)
        elif kind == "sequence":
            made = [sequences.owned(name, {})]
        else:
            made = self._detached_or_attached(step)
        also = tuple(columns_holding(self.draft.live, name)) if marked and kind == "composite type" else ()
        for sql in made:
            lossy = marked and any(word in sql for word in lossy_words)
            yield Statement(sql, kind, name, lossy, also if lossy else ())

    def _detached_or_attached(self, step: Step) -> list[str]:
        name = step.key[1]
        if step.verb == "attach":
            return tables.attach(self.draft, name)
        kept = [sql for sql in self.changes.after_detach.get(name, ()) if sql]
        return tables.detach(self.draft, name) + kept

    def _created(self, key: Key) -> list[str]:
        kind, name = key
        if kind == "default privileges":
            return self._default_privileges(key)
        properties = dict(self.draft.target[key])
        for only_recorded in ("replica identity", "referenced index", "index names"):
            properties.pop(only_recorded, None)
        beside: Pairs = {}
        if kind != "column":
            beside = {part: (None, properties.pop(part)) for part in BESIDE if part in properties}
        made = WRITERS[kind].create(self.draft, name, properties)
        for left in properties:
            self.draft.gap(*reported(key), f"its {left} is not covered")
        self._beside(key, beside, created=True)
        return made

    def _altered(self, key: Key) -> list[str]:
        kind, name = key
        if kind == "default privileges":
            return self._default_privileges(key)
        if key in self.changes.attached_indexes:
            return [
                f"ALTER INDEX {name} ATTACH PARTITION {each}" for each in self.changes.attached_indexes[key]
            ]
        pairs = dict(self.changes.changed[key])
        pairs.pop("replica identity", None)
        writer = WRITERS.get(kind)
        beside: Pairs = {}
        if kind != "column":
            beside = {part: pairs.pop(part) for part in BESIDE if part in pairs}
        made = writer.alter(self.draft, name, pairs) if writer and writer.alter else []
        for left in pairs:
            self.draft.gap(*reported(key), f"its {left} cannot be changed afterwards")
        self._beside(key, beside)
        return made

    def _default_privileges(self, key: Key) -> list[str]:
        before, after = (
            each.get(key, {}).get("privileges", {}) for each in (self.draft.live, self.draft.target)
        )
        return schemas.default_privileges(self.draft, key[1], before, after)

    def _beside(self, key: Key, pairs: Pairs, *, created: bool = False) -> None:
        """Write owner, privileges and comment, which come after everything that the owner has to do."""
        kind, name = key
        if kind == "default":
            return
        step = self.lookup.creation_of(key)
        marked = step in self.marked and created
        regrant = {"privileges", "owner"} & pairs.keys() and kind in RELATIONS and not created
        if pairs or created:
            made = privileges.finish(self.draft, kind, name, pairs, created=created)
            self.last += [Statement(sql, kind, name, marked) for sql in made]
        for left in pairs:
            self.draft.gap(kind, name, f"its {left} is not covered")
        if regrant:
            for column in self.draft.columns(self.draft.target, name):
                held = self.draft.target["column", column].get("privileges")
                self.draft.column_privileges.setdefault(column, (held, held))

    def _column_privileges(self) -> Iterator[Statement]:
        """Yield the grants on columns: REVOKE on a table takes those of its columns away."""
        for column, pair in self.draft.column_privileges.items():
            table = split_last(column)[0]
            step = self.lookup.creation_of(("column", column))
            marked = step in self.marked and (
                ("column", column) in self.changes.created
                or any((of, table) in self.changes.created for of in RELATIONS)
            )
            for sql in privileges.column_privileges(self.draft, column, pair):
                yield Statement(sql, "column", column, marked)

    def _links(self) -> Iterator[Statement]:
        """Yield what connects finished objects: the owners of sequences, and the indexes of replica identities."""
        for key in sorted(self.changes.created | self.changes.changed.keys()):
            if key[0] == "sequence" and key in self.draft.target:
                old, new = self.draft.live.get(key, {}), self.draft.target[key]
                created = key in self.changes.created
                if (old.get("owned by") if not created else None) != new.get("owned by"):
                    yield Statement(
                        sequences.owned(key[1], new),
                        *key,
                        self.lookup.creation_of(key) in self.marked and created,
                    )
        for key, new in self.draft.target.items():
            if key[0] in {"table", "materialized view"} and self._identity_changes(key):
                if new.get("replica identity") == "index (dropped)":
                    self.draft.gap(*key, "no statement leads to a replica identity whose index was dropped")
                    continue
                step = self.lookup.creation_of(key)
                marked = step in self.marked and key in self.changes.created
                yield Statement(tables.replica_identity(key[1], new.get("replica identity")), *key, marked)

    def _identity_changes(self, key: Key) -> bool:
        """Return whether a replica identity differs, or its index is created again."""
        if key not in self.draft.live and key not in self.changes.created:
            return False
        wanted = self.draft.target[key].get("replica identity")
        if wanted != self.draft.live.get(key, {}).get("replica identity"):
            return True
        if wanted is None or not wanted.startswith("index "):
            return False
        index = wanted.removeprefix("index ")
        return any(
            split_last(name)[1] == index
            for kind, name in self.changes.rebuilt
            if kind in {"index", "constraint"}
        )
