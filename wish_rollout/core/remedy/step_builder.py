"""The steps of a remedy and the dependencies between them, over both schemas at once.

A step that drops an object comes before the steps that drop what the object needs in the live schema. A step that
creates or alters an object comes after the steps that create or alter what it needs in the target schema. Circles
are broken as pg_dump breaks them: a part is dropped before its table, a default is set after its table is created.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.data_loss import drop_loses
from wish_rollout.core.remedy.dependencies import RELATIONS, ROUTINES, WHOLES, parents_of, plain_name
from wish_rollout.core.remedy.index_attachment import fitting_indexes
from wish_rollout.core.remedy.name_claims import claims
from wish_rollout.core.remedy.parts import whole_name
from wish_rollout.core.remedy.sequence_handover import heir, identity_before
from wish_rollout.core.remedy.step_graph import Step, StepGraph
from wish_rollout.core.schema.names import split_last

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.core.remedy.change_set import ChangeSet
    from wish_rollout.core.remedy.draft import Draft
    from wish_rollout.core.schema.snapshot import Key

VIEWS = ("view", "materialized view")
_SPLITTABLE = frozenset({"constraint", "trigger", "policy", "rule", "index", "default", "statistics"})
_WAITED_FOR = frozenset({"column", "domain", "composite type", "enum"})
"""Kinds that are altered only after what depends on them was dropped."""
_PARENTS = ("partition of", "partition bound", "inherits")
_MOST_ROUNDS = 50


class StepBuilder:
    """Builds the graph of steps. ``split``: parts that are dropped, and defaults that are set, by themselves."""

    def __init__(self, draft: Draft, changes: ChangeSet) -> None:
        self.draft = draft
        self.changes = changes
        self.split: set[Key] = set()
        self.loose: set[Key] = set()

    def build(self) -> StepGraph:
        """Return the graph, without circles if that is possible."""
        graph = self._graph()
        for _ in range(_MOST_ROUNDS):
            circles = graph.circles()
            if not circles or not any([self._break(circle) for circle in circles]):
                break
            graph = self._graph()
        return graph

    # Which step drops, creates or alters an object

    def drop_of(self, key: Key) -> Step | None:
        """Return the step that drops an object: its own, or that of what it goes along with."""
        while key in self.changes.dropped:
            above = self._goes_along(key)
            if above is None:
                return Step("drop", key)
            key = above
        return None

    def creation_of(self, key: Key) -> Step | None:
        """Return the step that creates or alters an object: its own, or that of what it comes with."""
        changes = self.changes
        if key in changes.created and key in self.draft.target:
            return self._comes_with(key) or Step("create", key)
        if key in changes.changed and key not in changes.rebuilt:
            return self._comes_with(key) or Step("alter", key)
        return Step("move", key) if key in changes.moved else None

    def _goes_along(self, key: Key) -> Key | None:
        kind, name = key
        dropped = self.changes.dropped
        live = self.draft.live
        if key in self.split:
            return None
        if kind == "default":
            owners = [("column", name), ("domain", name), *((of, split_last(name)[0]) for of in RELATIONS)]
            return next((each for each in owners if each in dropped), None)
        whole = whole_name(key, live[key])
        if whole is not None:
            for of in WHOLES:
                if (of, whole) in dropped:
                    return of, whole
        if (
            kind == "sequence"
            and key in self.changes.removed
            and "owned by" in live[key]
            and not heir(self.draft, name)
        ):
            owner = live[key]["owned by"]
            owners = [("column", owner), ("table", split_last(owner)[0])]
            return next((each for each in owners if each in self.changes.removed), None)
        if kind == "column" and live[key].get("inherited"):
            return self.parent_column_dropped(name)
        if kind == "function":
            return self._base_type_of(key)
        if (attached := ("index", str(live[key].get("attached to")))) in dropped:
            return attached
        return None

    def _base_type_of(self, function: Key) -> Key | None:
        """Return the base type that is dropped with its functions: each depends on the other."""
        before = self.changes.before
        for key in before.dependents.get(function, ()):
            if key[0] == "base type" and key in self.changes.removed and key in before.needs(function):
                return key
        return None

    def parent_column_dropped(self, column: str) -> Key | None:
        """Return the parent's column whose DROP COLUMN takes an inherited column along."""
        table, own = split_last(column)
        for of in ("table", "foreign table"):
            properties = self.draft.live.get((of, table), {})
            if (of, table) in self.draft.target and parents_of(properties) != parents_of(
                self.draft.target[of, table]
            ):
                return None
            for parent in parents_of(properties):
                key = ("column", f"{parent}.{own}")
                if key in self.changes.dropped and not self.keeps_children(key[1]):
                    return key
        return None

    def keeps_children(self, column: str) -> bool:
        """Return whether a child keeps its own column of that name when the parent's is dropped."""
        table, own = split_last(column)
        return any(
            ("column", f"{child}.{own}") in self.draft.target or self.keeps_children(f"{child}.{own}")
            for child in self.changes.before.children.get(table, ())
        )

    def _comes_with(self, key: Key) -> Step | None:
        kind, name = key
        changes = self.changes
        if kind == "column":
            whole = split_last(name)[0]
            for of in RELATIONS:
                if (of, whole) in changes.created and (of, whole) in self.draft.target:
                    return Step("create", (of, whole))
                if of in VIEWS and (of, whole) in changes.changed and key in changes.added:
                    return Step("alter", (of, whole))
        if kind == "default" and key not in self.split:
            if ("domain", name) in changes.created:
                return Step("create", ("domain", name))
            if ("column", name) in changes.created and not self._of_view(name):
                return self._comes_with(("column", name)) or Step("create", ("column", name))
        return None

    def _of_view(self, column: str) -> bool:
        return any((of, split_last(column)[0]) in self.draft.target for of in VIEWS)

    # The graph

    def _graph(self) -> StepGraph:
        graph = StepGraph()
        changes = self.changes
        for key in sorted(changes.dropped):
            if (step := self.drop_of(key)) is not None and step.key == key:
                graph.add(step)
            if changes.replaced(key):
                graph.add(Step("set aside", key))
        made = sorted(changes.created | changes.changed.keys() | changes.moved)
        for key in made:
            if (step := self.creation_of(key)) is not None:
                graph.add(step)
            if key in changes.moved:
                graph.add(Step("move", key))
        self._add_attachments(graph)
        for key in sorted(changes.dropped):
            self._order_drop(graph, key)
        for key in made:
            self._order_creation(graph, key)
        self._order_names(graph)
        self._order_columns(graph)
        self._order_handover(graph)
        return graph

    def _order_columns(self, graph: StepGraph) -> None:
        """Add the columns of a table in their order."""
        last: dict[str, Step] = {}
        added = [key for key in self.changes.created if key[0] == "column" and key in self.draft.target]
        for key in sorted(
            added, key=lambda each: (split_last(each[1])[0], self.draft.target[each]["position"])
        ):
            table = split_last(key[1])[0]
            step = Step("create", key)
            if step in graph.steps:
                if table in last:
                    graph.order(last[table], step)
                last[table] = step

    def _order_drop(self, graph: StepGraph, key: Key) -> None:
        drop = self.drop_of(key)
        changes = self.changes
        if key in changes.rebuilt:
            graph.order(self._gone(drop), self.creation_of(key))
            attached = ("index", str(self.draft.live[key].get("attached to")))
            if self.draft.target[key].get("attached to") != attached[1]:
                graph.order(self.creation_of(attached), self.creation_of(key))
        for other in changes.before.needs(key):
            graph.order(drop, self.drop_of(other))
            if other[0] in _WAITED_FOR and other not in changes.dropped and not drop_loses(self.draft, key):
                graph.order(drop, self.creation_of(other))
                graph.order(drop, Step("move", other))

    def _gone(self, drop: Step | None) -> Step | None:
        """Return the step after which a name is free."""
        if drop is not None and self.changes.replaced(drop.key):
            return Step("set aside", drop.key)
        return drop

    def _order_creation(self, graph: StepGraph, key: Key) -> None:
        changes = self.changes
        step = self.creation_of(key)
        if key not in changes.added:
            for other in changes.before.needs(key):
                if key not in changes.rebuilt:
                    if key[0] == other[0] == "column" and self.draft.live[key].get("inherited"):
                        graph.order(self.drop_of(other), step)  # only then is the child's column its own
                        continue
                    graph.order(step, self.drop_of(other))
                    graph.order(Step("move", key), self.drop_of(other))
        if key not in self.draft.target:
            return
        for other in self._wanted_by(key):
            if other == ("index", self.draft.target[key].get("attached to")):
                graph.order(step, self.creation_of(other))  # CREATE INDEX attaches what fits
                continue
            if key[0] == other[0] == "column" and key in self.draft.live and other in changes.added:
                graph.order(step, self.creation_of(other))  # ADD COLUMN merges with the child's own column
                continue
            graph.order(self.creation_of(other), step)
            graph.order(self.creation_of(other), Step("move", key))
            graph.order(Step("move", other), step)
        for index in fitting_indexes(changes.after, key):
            graph.order(
                self.creation_of(index), step
            )  # so that it gets its own copies, and this one stays apart

    def _wanted_by(self, key: Key) -> Iterator[Key]:
        """Yield what an object needs in the target schema, with what belongs to the whole of that."""
        kind, name = key
        after = self.changes.after
        children_of = set(parents_of(self.draft.target[key])) if kind in {"table", "foreign table"} else set()
        for other in after.needs(key):
            yield other
            of, whole = other
            is_own = (
                whole_name(key, self.draft.target[key]) == whole
                or name == whole
                or name.startswith(f"{whole}.")
            )
            if of == "domain" and not is_own and other not in self.loose:
                yield from after.parts.get(whole, ())
                yield from (each for each in [("default", whole)] if each in self.draft.target)
            if of in RELATIONS and (
                whole in children_of or (kind not in {"column", "table", "sequence"} and not is_own)
            ):
                for part in after.parts.get(whole, ()):
                    if part[0] == "column":
                        yield part
                        if whole in children_of and ("default", part[1]) in self.draft.target:
                            yield "default", part[1]

    def _order_handover(self, graph: StepGraph) -> None:
        """Put a sequence aside before its column becomes an identity column, and the other way round."""
        for key in sorted(self.changes.removed):
            if key[0] == "sequence" and (column := heir(self.draft, key[1])):
                graph.order(self.drop_of(key), self.creation_of(("column", column)))
        for key in sorted(self.changes.added):
            if key[0] == "sequence" and key in self.draft.target and identity_before(self.draft, key[1]):
                owner = ("column", self.draft.target[key]["owned by"])
                graph.order(self.creation_of(key), self.creation_of(owner))

    def _order_names(self, graph: StepGraph) -> None:
        """Put the drop of what has a name before the creation of what gets the name."""
        changes = self.changes
        dropped: dict[tuple[str, str], list[Step | None]] = {}
        for key in sorted(changes.dropped):
            step = self.drop_of(key)
            for name in claims(key, self.draft.live[key]) if step else ():
                dropped.setdefault(name, []).append(self._gone(step))
        removed: dict[str, list[Step]] = {}
        for key in sorted(changes.dropped):
            if key[0] in ROUTINES and (step := self.drop_of(key)):
                removed.setdefault(plain_name(*key), []).append(step)
        for key in sorted(changes.created | changes.changed.keys()):
            step = self.creation_of(key)
            if key not in self.draft.target:
                continue
            for name in claims(key, self.draft.target[key]):
                for earlier in dropped.get(name, ()):
                    graph.order(earlier, step)
            for other in changes.after.needs(key):
                for earlier in removed.get(plain_name(*other), ()) if other[0] in ROUTINES else ():
                    graph.order(earlier, step)

    def _add_attachments(self, graph: StepGraph) -> None:
        """Add the steps that separate tables from parents first, and attach them to new ones last."""
        for key, pairs in sorted(self.changes.changed.items()):
            if key[0] == "sequence" and "owned by" in pairs:
                self._detach_sequence(graph, key)
            if key[0] not in {"table", "foreign table"} or key in self.changes.rebuilt:
                continue
            if not any(name in pairs for name in _PARENTS):
                continue
            old, new = parents_of(self.draft.live[key]), parents_of(self.draft.target[key])
            if old and ("inherits" not in pairs or not new):
                graph.add(Step("detach", key))
                self._order_detach(graph, key, old)
            if new:
                graph.add(Step("attach", key))
                self._order_attach(graph, key, old, new)

    def _detach_sequence(self, graph: StepGraph, key: Key) -> None:
        owner = self.draft.live[key].get("owned by")
        if owner is not None and (
            drop := self.drop_of(("column", owner)) or self.drop_of(("table", split_last(owner)[0]))
        ):
            graph.add(Step("detach", key))
            graph.order(Step("detach", key), drop)

    def _order_detach(self, graph: StepGraph, key: Key, old: list[str]) -> None:
        step = Step("detach", key)
        for table in [key[1], *old]:
            for other in [(key[0], table), *self.changes.before.parts.get(table, ())]:
                if other != key or key in self.changes.dropped:
                    graph.order(step, self.drop_of(other))
                graph.order(step, self.creation_of(other))

    def _order_attach(self, graph: StepGraph, key: Key, old: list[str], new: list[str]) -> None:
        step = Step("attach", key)
        for parent in old:
            graph.order(step, self.drop_of((key[0], parent)))
        for table in [key[1], *new]:
            for other in [(key[0], table), *self.changes.after.parts.get(table, ())]:
                child = ("column", f"{key[1]}.{split_last(other[1])[1]}")
                if (
                    other[0] == "column"
                    and table != key[1]
                    and child in self.changes.added
                    and other in self.changes.added
                ):
                    graph.order(step, self.creation_of(other))
                elif self.draft.target[other].get("type") != "foreign key" and other[0] != "trigger":
                    graph.order(self.creation_of(other), step)
                    graph.order(Step("move", other), step)

    # Circles

    def _break(self, circle: set[Step]) -> bool:
        """Split off the parts that close a circle; else drop and create again what would be altered."""
        found = {key for step in circle for key in self._closing(step, circle)}
        self.split |= found
        if found:
            return True
        for step in sorted(circle):
            kind = step.key[0]
            if (
                step.verb == "alter"
                and step.key not in self.changes.forced
                and self.changes.can_be_rebuilt(step.key)
            ):
                if kind not in {"column", "domain", "enum", "composite type"}:
                    self.changes.forced.add(step.key)
                    self.changes.find_rebuilt()
                    return True
            if kind == "domain" and step.verb == "create" and step.key not in self.loose:
                self.loose.add(step.key)
                return True
        return False

    def _closing(self, step: Step, circle: set[Step]) -> Iterator[Key]:
        changes = self.changes
        if step.verb == "drop":
            for key in changes.dropped:
                if key[0] in _SPLITTABLE and key != step.key and self.drop_of(key) == step:
                    others = {self.drop_of(other) for other in changes.before.needs(key)}
                    others |= {self.creation_of(other) for other in changes.before.needs(key)}
                    if others & (circle - {step}):
                        yield key
        if step.verb == "create":
            for key in changes.created:
                if key[0] == "default" and self.creation_of(key) == step:
                    if {self.creation_of(other) for other in changes.after.needs(key)} & (circle - {step}):
                        yield key
