"""The tables ``project``, ``release``, ``scope`` and ``dagster`` of ``rollout.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from wish_rollout.core.environment.unmanaged_objects import UnmanagedPolicy

CONFIG_NAME = "rollout.toml"
SANDBOX_VARIABLE = "WISH_ROLLOUT_SANDBOX"
"""Set in processes that must use only the sandbox. The ``.env`` files are ignored then, and fleets are not enabled."""


class ConfigTable(BaseModel):
    """An immutable table of ``rollout.toml``. An unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlatformConfig(ConfigTable):
    """What the platform provides in every environment, before the first revision."""

    sql: Path | None = Field(
        default=None,
        description="SQL that creates roles, schemas, extensions and default privileges. It is executed in each scratch "
        "database; what it creates belongs to the platform, and is not compared. `init --from ENV` drafts it.",
    )


class ProjectConfig(ConfigTable):
    """The name of the project, where several projects share one Dagster instance."""

    name: str = Field(
        default="",
        pattern=r"^([a-z][a-z0-9_]*)?$",
        max_length=40,
        description="Prefix of the project's assets, jobs, sensors and other definitions in Dagster. Empty: none.",
    )


class DagsterConfig(ConfigTable):
    """The addresses of Dagster's web server and of the report, the name of the code location, and the owners of the assets."""

    url: str = Field(
        default="",
        pattern=r"^(https?://[^\s@]+)?$",
        description="Address of Dagster's web server. Notifications contain links to it.",
    )
    report: str = Field(
        default="",
        pattern=r"^(https?://[^\s@]+)?$",
        description="Address at which you serve the page of `wish-rollout report --html`. Dagster shows it on the assets.",
    )
    location: str = Field(
        default="",
        pattern=r"^[\w.:-]*$",
        description="Name of the code location in the workspace. Default: `wish_rollout`, or the project's name.",
    )
    owners: tuple[Annotated[str, Field(pattern=r"^(team:[\w-]+|[^\s@]+@[^\s@]+\.[^\s@]+)$")], ...] = Field(
        default=(),
        description="Owners of the assets, as Dagster shows them: e-mail addresses, or `team:NAME`.",
    )


Reason = Annotated[str, Field(pattern=r"\S")]


class ReleaseConfig(ConfigTable):
    """The location of the revision scripts and of the models, and how the scripts are executed."""

    migrations: Path | None = Field(
        default=None,
        description="Alembic's script folder. The default is the script_location of Alembic's own configuration, "
        "else `migrations`.",
    )
    alembic_ini: Path | None = Field(
        default=None, description="The alembic.ini file, where env.py reads options from it."
    )
    alembic_config: str | None = Field(
        default=None,
        pattern=r"^[\w.]+:[\w.]+$",
        description="The function that returns the application's Alembic Config, as `module:function`, if version folders, "
        "options or attributes are set in code.",
    )
    alembic_section: str = Field(
        default="alembic",
        min_length=1,
        description="The main section of alembic.ini, as Alembic's option `-n`.",
    )
    alembic_x: tuple[str, ...] = Field(
        default=(), description="Arguments for env.py, `name=value` each, as Alembic's option `-x`."
    )
    database: str | None = Field(
        default=None,
        min_length=1,
        description="Which database this file is about, if env.py migrates several (the template multidb).",
    )
    flask_app: str | None = Field(
        default=None,
        min_length=1,
        description="The Flask application, as `flask --app`, if env.py uses current_app (Flask-Migrate). The default is "
        "the variable FLASK_APP, else `wsgi.py` or `app.py`.",
    )
    models: str | None = Field(
        default=None,
        pattern=r"^[\w.]+:[\w.]+$",
        description="The declared schema, as `module:attribute`. `generate` and `check` use it.",
    )
    version_table: str = Field(
        default="public.alembic_version",
        pattern=r"^\w+\.\w+$",
        description="Alembic's version table, as `schema.table`.",
    )
    search_path: str = Field(
        default="public",
        min_length=1,
        description="The search_path for revisions and models. Roles' and databases' own settings are not used.",
    )
    scratch: str | None = Field(
        default=None,
        description="A PostgreSQL server for scratch databases, as a URL. The default is the server of a disposable "
        "environment whose role may create databases, else a server that is started on this machine.",
    )
    platform: PlatformConfig = Field(
        default=PlatformConfig(), description="What the platform provides in every environment."
    )
    heads: tuple[str, ...] = Field(
        default=(),
        description="The heads that databases are migrated to, where there are several by design: revisions, "
        "branches as `LABEL@head`, or `heads` for all.",
    )
    base: str | None = Field(
        default=None,
        description="The revision from which on the history is recorded: no environment is before it.",
    )
    pinned_extensions: frozenset[str] = Field(
        default=frozenset(), description="Extensions whose version is part of the fingerprint."
    )
    allow_positions: bool = Field(
        default=False,
        description="Allow another order of columns than the scripts give. It is visible in `SELECT *` only.",
    )
    data_dependent: dict[str, Reason] = Field(
        default_factory=dict,
        description="Revisions whose statements depend on the rows or on the time, if their scripts are not to be changed: "
        "revision = reason.",
    )
    driver_statements: dict[str, Reason] = Field(
        default_factory=dict,
        description="Revisions that send statements by the driver itself, if their scripts are not to be changed: "
        "revision = reason.",
    )
    allow_hazards: dict[str, dict[str, Reason]] = Field(
        default_factory=dict,
        description="Hazards that are allowed, if the scripts are not to be changed: revision = { hazard = reason }.",
    )
    authors: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Authors of revisions, for workers without a git checkout: revision = e-mail addresses.",
    )


class ScopeConfig(ConfigTable):
    """The objects that belong to the project, as shell patterns of schemas to include and names to ignore.

    ``unmanaged``: how objects in scope that no revision has created are treated.
    """

    schemas: tuple[str, ...] = Field(
        default=("*",), description="Shell patterns of the schemas that belong to the project."
    )
    ignore: tuple[str, ...] = Field(
        default=(), description="Shell patterns of qualified object names that do not belong to the project."
    )
    unmanaged: UnmanagedPolicy = Field(
        default=UnmanagedPolicy.FAIL,
        description="How objects that no revision knows are treated: as drift, reported, or ignored.",
    )
    runtime_partitions: UnmanagedPolicy = Field(
        default=UnmanagedPolicy.REPORT,
        description="The same for partitions and child tables of the project's tables that no revision creates. They are never "
        "dropped.",
    )
