"""What of a database belongs to the project, and how its roles are called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MIGRATOR = "$migrator"
"""How the role that migrates is called in a snapshot, whatever its name is here."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects a snapshot holds, and by which common names it calls roles.

    ``schemas``: shell patterns of schemas in scope. ``ignore``: shell patterns of object names out of scope,
    matched against the whole name (``public.legacy_*``). ``roles``: role → common name. ``migrator``: the
    role that migrates; ``None`` means the connection's own. ``version_table``: Alembic's own table, left out
    with its constraint. ``pinned_extensions``: those whose version is part of the fingerprint.
    """

    schemas: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    migrator: str | None = None
    version_table: str = "public.alembic_version"
    pinned_extensions: frozenset[str] = frozenset()
