"""A project: its configuration, its scripts, and what history promises for each revision."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from wish_rollout import __version__
from wish_rollout.config import FleetMember
from wish_rollout.core.environment.unmanaged_objects import (
    ManagedNames,
    ManagedSchema,
    UnmanagedPolicy,
    find_runtime_partitions,
    managed_names,
    select_managed,
    without_published_tables,
)
from wish_rollout.core.errors.fleets.rollouts import FleetNotSupported
from wish_rollout.core.plan.canonical_digest import canonical_digest
from wish_rollout.core.release.script_texts import executed_text
from wish_rollout.core.schema.snapshot import Snapshot, remove_objects
from wish_rollout.rollout.release.release_source import ReleaseSource
from wish_rollout.rollout.servers.fleet_targets import find_fleet_target
from wish_rollout.rollout.servers.target import Target

if TYPE_CHECKING:
    import psycopg

    from wish_rollout.config import Environment
    from wish_rollout.core.release.release import Position
    from wish_rollout.revisions.runs.run_parameters import ScriptRun
    from wish_rollout.rollout.project.history import History
    from wish_rollout.rollout.project.release_code import ReleaseCode


class Project(ReleaseSource):
    """A release source, with what its history promises and with its environments' targets."""

    def for_server(self, major: int) -> Project:
        """Return the project with what its history promises on servers of a major version.

        A script may lead to another schema there: SQLAlchemy's ``Computed`` without ``persisted`` is stored up to
        PostgreSQL 17, and virtual since 18. It is this project where the records are of that version, where nothing is
        recorded, or where there is no server of that version for a replay.
        """
        if self.recorded_major in (0, major):
            return self
        if major not in self._by_major:
            from wish_rollout.rollout.servers.scratch_choice import server_of_version

            found = server_of_version(self, major)
            self._by_major[major] = ProjectOnVersion(self, major) if found else self
        return self._by_major[major]

    @cached_property
    def _by_major(self) -> dict[int, Project]:
        return {}

    @property
    def recorded_major(self) -> int:
        """The major version of the server on which the history was recorded; 0 if it is not recorded."""
        return self.history.meta.postgres

    @cached_property
    def history(self) -> History:
        """What each revision leads to."""
        from wish_rollout.rollout.project.history import History

        return History(self)

    @property
    def code(self) -> ReleaseCode:
        """What env.py and the revisions import and read."""
        return self.history.code

    @property
    def release_digest(self) -> str:
        """The name of exactly these scripts, the code that they use, and the schema that they lead to."""
        return self.release.digest(self.history.at(self.release.head).fingerprint, self.code.digest())

    @cached_property
    def assessment_digest(self) -> str:
        """The name of all that a verdict on a database depends on, besides the database: the release, and the configuration."""
        configuration = self.config.model_dump(mode="json", exclude={"root", "file"})
        return canonical_digest([self.release_digest, configuration, __version__])

    @cached_property
    def journal_digest(self) -> str:
        """The name of the release in the journal: without what the scripts allow, which changes no statement.

        So an interrupted release is continued after its ``allow_hazards`` were edited.
        """
        revisions = self.release.revisions
        texts = {name: executed_text(source) for name, source in self.scripts.sources.items()}
        parents = {each.id: sorted(each.parents) for each in revisions}
        schema = self.history.at(self.release.head).fingerprint
        return canonical_digest([texts, parents, schema, self.code.digest()])

    @cached_property
    def _known(self) -> ManagedNames:
        """The names of all objects that the release's history has ever had."""
        return managed_names(Snapshot(objects) for objects in self.history.names())

    def select_managed(self, live: Snapshot) -> ManagedSchema:
        """Say what of a live schema counts against a promise: the one place where that is decided."""
        scope = self.config.scope
        return select_managed(live, scope.unmanaged, lambda: self._known, scope.runtime_partitions)

    def runtime_partitions(self, live: Snapshot) -> list[str]:
        """Return the partitions of the project's tables that no revision creates, whatever rollout.toml says of them."""
        return find_runtime_partitions(live, lambda: self._known)

    def without_published_tables(self, live: Snapshot) -> Snapshot:
        """Return a schema without the lists of tables of publications that no revision creates."""
        return without_published_tables(live, lambda: self._known)

    def fingerprinted_part(self, live: Snapshot) -> Snapshot:
        """Return a live schema without such partitions, unless rollout.toml treats them as drift, and published tables.

        The fingerprints of plans and verifications are taken of this schema, because such a partition may be created
        between an approval and the migration.
        """
        live = self.without_published_tables(live)
        if self.config.scope.runtime_partitions is UnmanagedPolicy.FAIL:
            return live
        found = {("table", name) for name in self.runtime_partitions(live)}
        return remove_objects(live, found) if found else live

    def allows_positions(self, position: Position) -> bool:
        """Return whether another order of columns is allowed: by rollout.toml, or by a revision applied at a position."""
        if self.config.release.allow_positions:
            return True
        return bool(self._reordering) and not self._reordering.isdisjoint(self.release.ancestors(position))

    @cached_property
    def _reordering(self) -> frozenset[str]:
        """The revisions whose scripts set ``allow_positions``."""
        return self.scripts.revisions_with("allow_positions")

    def target(self, name: str, application_name: str = "wish-rollout") -> Target:
        """Return the database of an environment, or of a target of a fleet (``FLEET/TARGET``).

        Raises UnknownEnvironment, DatabaseUrlMissing; FleetNotSupported for a whole fleet; for a target of a fleet, what
        ``find_fleet_target`` raises.
        """
        env = self.config.find_environment(name)
        if isinstance(env, FleetMember):
            return self.target_at(env, find_fleet_target(self.config, env).url, application_name)
        if env.is_fleet:
            raise FleetNotSupported(name)
        return self.target_at(env, self.config.url(env), application_name)

    def target_at(self, env: Environment, url: str, application_name: str = "wish-rollout") -> Target:
        """Return an environment's database at a URL that the caller holds."""
        return Target(env, url, self.scope_of(env), application_name)

    def script_run(self, target: Target, connection: psycopg.Connection[Any]) -> ScriptRun:
        """Return what a run of the scripts on this target needs; the session must be in autocommit."""
        from wish_rollout.revisions.runs.run_parameters import ScriptRun

        return ScriptRun(
            self.scripts,
            connection,
            target.url,
            self.config.release.version_table,
            self.config.release.search_path,
            target.name,
        )


class ProjectOnVersion(Project):
    """A project whose promises are those of another major version than the recorded one: they are replayed."""

    def __init__(self, recorded: Project, major: int) -> None:
        super().__init__(recorded.config)
        self.recorded = recorded
        self.server_major = major
        self.scripts = recorded.scripts
        self.progress = recorded.progress

    def for_server(self, major: int) -> Project:
        """Return this project for its own version, and otherwise as the recorded project does."""
        return self if major == self.server_major else self.recorded.for_server(major)

    @property
    def recorded_major(self) -> int:
        """The major version of the recorded project."""
        return self.recorded.recorded_major

    @property
    def code(self) -> ReleaseCode:
        """What env.py and the revisions import and read, as recorded."""
        return self.recorded.code

    @property
    def release_digest(self) -> str:
        """The name of the release, which is the same on all servers."""
        return self.recorded.release_digest
