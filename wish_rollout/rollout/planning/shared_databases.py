"""Detection of environments that use the same database: a change of one would bypass the gate of the other."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.plans import EnvironmentsShareDatabase
from wish_rollout.postgres.catalog.database_state import read_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.rollout.project.project import Project


def read_database_identities(project: Project, names: Iterable[str]) -> dict[str, str]:
    """Return the database identity (``ServerFacts.instance``) of each named environment that can be read."""
    found = {}
    for name in names:
        with suppress(RolloutError), project.target(name).connect() as connection:
            found[name] = read_facts(connection, project.config.release.version_table).instance
    return found


def refuse_same_database(project: Project, identities: Mapping[str, str]) -> None:
    """Raise EnvironmentsShareDatabase if two environments use the same database.

    ``identities``: environment → ``ServerFacts.instance``. Gated environments that it does not contain are read too,
    if they are reachable: their databases must not be migrated under the name of another environment.
    """
    others = (env.name for env in project.config.environments if env.gated and env.name not in identities)
    known = {**identities, **read_database_identities(project, others)}
    first: dict[str, str] = {}
    for name, instance in known.items():
        if (other := first.setdefault(instance, name)) != name:
            raise EnvironmentsShareDatabase(name, other)
