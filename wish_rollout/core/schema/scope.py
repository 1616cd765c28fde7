"""The scope of a project: which objects of a database belong to it, and the common names of roles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MIGRATOR = "$migrator"
"""The name of the migrating role in a snapshot, whatever its name in the database is."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects a snapshot contains, and the common names that it uses for roles.

    ``schemas``: shell patterns of the schemas in scope. ``ignore``: shell patterns of objects out of scope,
    matched against the qualified name (``public.legacy_*``). ``roles``: role → common name. ``migrator``: the
    migrating role; ``None`` means the role of the connection. ``version_table``: Alembic's version table, which
    is out of scope with its constraint. ``pinned_extensions``: those whose version the fingerprint covers.
    """

    schemas: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    migrator: str | None = None
    version_table: str = "public.alembic_version"
    pinned_extensions: frozenset[str] = frozenset()
