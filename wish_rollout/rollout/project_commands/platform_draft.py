"""Drafting the SQL that declares a platform, from a database that has it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.remedy import remedy
from wish_rollout.core.remedy.role_names import Roles
from wish_rollout.core.remedy.sql_syntax import identifier
from wish_rollout.core.schema.scope import MIGRATOR
from wish_rollout.core.schema.snapshot import Snapshot
from wish_rollout.postgres.catalog.read_context import OWN_SCHEMAS
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.sessions.connections import connect
from wish_rollout.rollout.servers.scratch import scratch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

KINDS = ("schema", "extension", "default privileges")
SCHEMA = re.compile(
    r"\bcreate\s+schema\s+(?:if\s+not\s+exists\s+)?[\\\"']*(?!if\b)([A-Za-z_]\w*)", re.IGNORECASE
)
LEFT_OUT = re.compile(r"^DROP |\bOWNER TO\b")
"""The owner of what the platform creates does not matter to the release, and may be a superuser."""
HEAD = """\
-- What the platform provides in every environment, before the first revision. Review it.
-- It is executed in each scratch database. Passwords and attributes of roles do not matter here.
"""


def draft_platform(project: Project, target: Target) -> str:
    """Return SQL for the roles, schemas, extensions and default privileges of a database that no script creates.

    Raises what connecting to it raises, and what creating a scratch database raises.
    """
    with scratch(project) as url, connect(url, "the scratch database") as connection:
        empty = read_database_state(connection, project.scope_of()).snapshot
    with target.connect() as connection:
        state = read_database_state(connection, target.scope)
    own = _created_by_scripts(project)
    live = {key: value for key, value in state.snapshot.objects.items() if _is_platforms(key, own)}
    before = Snapshot({key: value for key, value in empty.objects.items() if _is_platforms(key, own)})
    found = remedy(before, Snapshot(live), Roles("CURRENT_USER"), state.facts.major)
    roles = [f"CREATE ROLE {identifier(role)} NOLOGIN;" for role in sorted(set(_roles(state.snapshot)))]
    statements = [f"{each.sql};" for each in found.statements if not LEFT_OUT.search(each.sql)]
    gaps = [f"-- not drafted: {gap}" for gap in found.gaps]
    return "\n".join((HEAD, *roles, *statements, *gaps, ""))


def _is_platforms(key: tuple[str, str], own: frozenset[str]) -> bool:
    kind, name = key
    return kind in KINDS and name.strip('"') not in own and name not in OWN_SCHEMAS


def _created_by_scripts(project: Project) -> frozenset[str]:
    paths = (project.config.root / revision.path for revision in project.release.revisions)
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    return project.extensions | {name for text in texts for name in SCHEMA.findall(text)}


def _roles(snapshot: Snapshot) -> Iterator[str]:
    """Yield the roles that owners, privileges and policies name, without those of every server."""
    for properties in snapshot.objects.values():
        for name in _named(properties):
            plain = name.partition(" (granted by")[0]
            if plain not in ("PUBLIC", MIGRATOR) and not plain.startswith(("pg_", "(")):
                yield plain.strip('"')


def _named(properties: Any) -> Iterable[str]:
    owner, privileges, roles = properties.get("owner"), properties.get("privileges"), properties.get("roles")
    yield from [owner] if isinstance(owner, str) else []
    yield from privileges if isinstance(privileges, dict) else []
    yield from roles if isinstance(roles, (list, tuple)) else []
