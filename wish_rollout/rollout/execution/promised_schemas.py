"""The schemas that a migration promises: at its end, and after each of its revisions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from wish_rollout.core.errors.releases import ForeignRevision
from wish_rollout.core.schema.promise_comparison import changed_keys
from wish_rollout.rollout.planning.plans import find_adoption
from wish_rollout.rollout.planning.rollbacks.interrupted_rollbacks import starts_from_live_schema
from wish_rollout.rollout.project.environment_schema import EnvironmentSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.core.release.release import Position
    from wish_rollout.core.schema.snapshot import Json, Key
    from wish_rollout.rollout.project.project import Project

    Objects = Mapping[Key, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Promise:
    """What a database must have at a position.

    ``objects``: of the whole schema, with objects that the release does not know. ``keys``: of those that the
    migration changes until there. ``is_end``: it is the end of the migration.
    """

    position: Position
    objects: Objects
    keys: frozenset[Key]
    is_end: bool


class PromisedSchemas:
    """The promises of one migration of an environment.

    ``seen``: the state of the database that the plan was made from.
    """

    def __init__(self, project: Project, plan: EnvironmentPlan, seen: DatabaseState) -> None:
        self.project = project
        self.plan = plan
        self.seen = seen
        self._before: Objects = {}
        self._known: dict[Position, Promise | None] = {}

    def begin(self, before: Objects) -> None:
        """Take the schema before an attempt, and compute the promise of its end while no locks are held."""
        self._before, self._known = before, {}
        self.at(tuple(sorted(self.plan.end)))

    def at(self, position: Position) -> Promise | None:
        """Return what is promised at a position that the migration reaches; None if nothing is known of it.

        Between branches nothing is known, except at the end of a release: the revisions of the branches could have
        been applied in any order.
        """
        if position not in self._known:
            end = tuple(sorted(self.plan.end))
            self._known = {each: known for each, known in self._known.items() if each == end}
            self._known[position] = self._promise(position)
        return self._known[position]

    @property
    def end_objects(self) -> Objects:
        """The schema that the release has at the end of the migration."""
        return self._end[1]

    def is_known(self, key: Key) -> bool:
        """Return whether the migration itself cannot have created an object.

        If the migration was interrupted before, ``seen`` contains what it has created; then only the release's schemas count.
        """
        was_there = key in self.seen.snapshot.objects and not self.plan.resumed_fingerprint
        return was_there or key in self._start or key in self._end[1]

    @cached_property
    def _schema(self) -> EnvironmentSchema:
        schema = EnvironmentSchema(self.project, self.seen)
        adopted = find_adoption(schema) if self.plan.adopted is not None else None
        return EnvironmentSchema(self.project, self.seen, adopted) if adopted else schema

    @cached_property
    def _start(self) -> Objects:
        """The environment's schema at the position from which the plan starts."""
        return self._schema.at(self.plan.upgraded_from).objects

    @cached_property
    def _end(self) -> tuple[Objects, Objects]:
        """The schemas before and after the plan's delta."""
        from_live = self.plan.already_there or self.plan.half_done or starts_from_live_schema(self.plan)
        start = self._schema.live if from_live else self._schema.at(self.plan.upgraded_from)
        return start.objects, self.plan.promised.apply(start).objects

    def _promise(self, position: Position) -> Promise | None:
        if position == tuple(sorted(self.plan.end)):
            return self._overlay(position, *self._end, is_end=True)
        if len(position) > 1:
            return None
        try:
            return self._overlay(position, self._start, self._schema.at(position).objects, is_end=False)
        except ForeignRevision:
            return None

    def _overlay(self, position: Position, start: Objects, end: Objects, *, is_end: bool) -> Promise:
        keys = changed_keys(start, end)
        objects = {key: value for key, value in self._before.items() if key not in keys}
        objects |= {key: end[key] for key in keys if key in end}
        return Promise(position, objects, frozenset(keys), is_end)
