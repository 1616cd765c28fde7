"""Two environments that are one database: whoever may touch the one would touch the other."""

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
    """Ask environments which database they are (``ServerFacts.instance``); those that do not answer are left out."""
    found = {}
    for name in names:
        with suppress(RolloutError), project.target(name).connect() as connection:
            found[name] = read_facts(connection, project.config.release.version_table).instance
    return found


def refuse_same_database(project: Project, seen: Mapping[str, str]) -> None:
    """Raise SameDatabase where two of the environments are one.

    ``seen``: environment → ``ServerFacts.instance``. Gated ones that are not in it are asked as well, if they
    answer: for one that is migrated past its gate under another name, it makes no difference that it takes no part.
    """
    others = (env.name for env in project.config.environments if env.gated and env.name not in seen)
    known = {**seen, **read_database_identities(project, others)}
    first: dict[str, str] = {}
    for name, instance in known.items():
        if (other := first.setdefault(instance, name)) != name:
            raise EnvironmentsShareDatabase(name, other)
