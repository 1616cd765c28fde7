"""The databases of other environments and fleets, which may be no target: they would be changed without their gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wish_rollout.core.errors.planning.plans import EnvironmentsShareDatabase
from wish_rollout.postgres.facts.database_identity import read_identity
from wish_rollout.postgres.records.ledger_place import last_place
from wish_rollout.rollout.planning.shared_databases import read_database_identities, recorded_identities
from wish_rollout.rollout.servers.fleet_targets import read_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target


@dataclass(frozen=True)
class TakenDatabases:
    """Environments by the identity of their database: of the running server, and the permanent one.

    Of an unreachable gated environment, the database that was last seen counts. ``project``: reads an environment again.
    """

    by_instance: Mapping[str, str]
    by_permanent_identity: Mapping[str, str]
    project: Project | None = None

    @classmethod
    def read(cls, project: Project) -> TakenDatabases:
        """Read the identities of all single environments that can be reached."""
        config = project.config
        found = read_database_identities(project, [env.name for env in config.single_environments])
        gated = {env.name for env in config.environment if env.gated}
        recorded = {
            identity: name
            for name, identity in recorded_identities(project).items()
            if name in gated - set(found)
        }
        permanent = {facts.permanent_identity: name for name, facts in found.items() if facts.cluster}
        return cls(
            {facts.instance: name for name, facts in found.items()}, {**recorded, **permanent}, project
        )

    def refuse(self, target: Target) -> None:
        """Raise EnvironmentsShareDatabase if a target is the database of an environment, or a target of another fleet.

        The last act in the ledger names the environment to which the database belongs. A copy has another identity.
        """
        with target.connect() as connection:
            instance, permanent = read_identity(connection)
            recorded = last_place(connection, target.scope.version_table)
            other = self.by_instance.get(instance) or self.by_permanent_identity.get(permanent)
            if other and not self._is_copy(instance, other):
                raise EnvironmentsShareDatabase(target.name, other)
        if recorded[1] == permanent and self._still_has(recorded[0], target):
            raise EnvironmentsShareDatabase(target.name, recorded[0])

    def _is_copy(self, instance: str, other: str) -> bool:
        """Return whether an environment is on another running server: a copy of the files has the same permanent identity.

        The environment is read again while the session of the target is open, because its server may have been restarted since.
        """
        if self.project is None or instance in self.by_instance:
            return False
        found = read_database_identities(self.project, [other])
        return other in found and found[other].instance != instance

    def _still_has(self, recorded: str, target: Target) -> bool:
        """Return whether another environment that a ledger names may still have the target's database.

        It has not if it is not declared or enabled any more, has another database, or its list names no such target.
        """
        owner, _, member = recorded.partition("/")
        config = self.project.config if self.project else None
        enabled = {env.name: env for env in config.environments} if config else {}
        if owner == target.name.partition("/")[0] or owner not in enabled:
            return False
        if config and enabled[owner].is_fleet:
            return any(each.name == member for each in read_list(config, enabled[owner]))
        return not member and owner not in self.by_instance.values()


NOTHING_TAKEN = TakenDatabases({}, {})
