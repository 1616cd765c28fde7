"""Detection of environments that use the same database: a change of one would bypass the gate of the other."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.planning.plans import EnvironmentsShareDatabase
from wish_rollout.postgres.facts.database_state import read_facts
from wish_rollout.revisions.records.file_replacement import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wish_rollout.core.plan.database_state import ServerFacts
    from wish_rollout.rollout.project.project import Project


RECORD = Path(".dagster") / "gated_databases.json"
"""Beside rollout.toml: the databases of gated environments as they were last seen."""


def read_database_identities(project: Project, names: Iterable[str]) -> dict[str, ServerFacts]:
    """Return the facts of the database of each named environment that can be read."""
    found = {}
    for name in names:
        with suppress(RolloutError), project.target(name).connect() as connection:
            found[name] = read_facts(connection, project.config.release.version_table)
    return found


def recorded_identities(project: Project) -> dict[str, str]:
    """Return the permanent identities of gated environments' databases as they were last seen."""
    with suppress(OSError, ValueError, AttributeError):
        content = json.loads((project.config.root / RECORD).read_text(encoding="utf-8"))
        return {str(name): str(identity) for name, identity in content.items()}
    return {}


def record_identities(project: Project, identities: Mapping[str, str]) -> None:
    """Record the permanent identities of gated environments' databases, for times at which they are unreachable."""
    known = recorded_identities(project)
    if identities and known != {**known, **identities}:
        path = project.config.root / RECORD
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, json.dumps({**known, **identities}, indent=1) + "\n")


def refuse_same_database(project: Project, read: Mapping[str, ServerFacts]) -> None:
    """Raise EnvironmentsShareDatabase if two environments use the same database.

    ``read``: environment → facts of its database. Gated environments that it does not contain are read too: their
    databases must not be migrated under the name of another environment. For one that is unreachable, the database
    that was last seen counts.
    """
    gated = [env.name for env in project.config.environment if env.gated]
    known = {**read, **read_database_identities(project, [name for name in gated if name not in read])}
    first: dict[str, str] = {}
    for name, facts in known.items():
        if (other := first.setdefault(facts.instance, name)) != name:
            raise EnvironmentsShareDatabase(name, other)
    for other, identity in recorded_identities(project).items():
        for name, facts in known.items():
            if other in gated and other not in known and facts.permanent_identity == identity:
                raise EnvironmentsShareDatabase(name, other)
    record_identities(project, {name: known[name].permanent_identity for name in gated if name in known})
