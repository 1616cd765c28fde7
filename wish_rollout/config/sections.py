"""The tables of ``rollout.toml`` that say what is released, and what of a database is the project's."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from wish_rollout.core.schema.unmanaged_objects import Unmanaged

CONFIG_NAME = "rollout.toml"


class ConfigTable(BaseModel):
    """A frozen table of the file; a key that we do not know is a mistake, not a wish."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReleaseConfig(ConfigTable):
    """Where the scripts are. ``models`` names the declared schema as ``module:attribute``."""

    migrations: Path = Path("migrations")
    alembic_ini: Path | None = None
    models: str | None = Field(default=None, pattern=r"^[\w.]+:[\w.]+$")
    version_table: str = Field(default="public.alembic_version", pattern=r"^\w+\.\w+$")
    search_path: str = Field(default="public", min_length=1)
    scratch: str | None = None
    pinned_extensions: frozenset[str] = frozenset()
    authors: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class ScopeConfig(ConfigTable):
    """Shell patterns: the schemas that are ours, and names in them that are not.

    ``unmanaged``: what is done about objects in scope that the release's history does not know.
    """

    schemas: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    unmanaged: Unmanaged = Unmanaged.FAIL
