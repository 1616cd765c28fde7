"""``rollout.toml`` and the environment's variables, read into frozen, checked values."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wish_rollout.core.config_errors import BadConfiguration, MissingUrl, UnknownEnvironment
from wish_rollout.core.scope import Scope
from wish_rollout.core.unmanaged import Unmanaged

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIG_NAME = "rollout.toml"
CONFIG_VARIABLE = "WISH_ROLLOUT_CONFIG"


class Strict(BaseModel):
    """A frozen table of the file; a key that we do not know is a mistake, not a wish."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReleaseConfig(Strict):
    """Where the scripts are. ``models`` names the declared schema as ``module:attribute``."""

    migrations: Path = Path("migrations")
    alembic_ini: Path | None = None
    models: str | None = Field(default=None, pattern=r"^[\w.]+:[\w.]+$")
    version_table: str = Field(default="public.alembic_version", pattern=r"^\w+\.\w+$")
    scratch: str | None = None
    pinned_extensions: frozenset[str] = frozenset()


class ScopeConfig(Strict):
    """Shell patterns: the schemas that are ours, and names in them that are not.

    ``unmanaged``: what is done about objects in scope that the release's history does not know.
    """

    schemas: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    unmanaged: Unmanaged = Unmanaged.FAIL


class Environment(Strict):
    """A place in promotion order, with its policy."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    url_variable: str = ""
    optional: bool = False
    gated: bool = False
    disposable: bool = False
    run_verify: bool | None = None
    connect_timeout: int = Field(default=10, ge=1, le=120)
    lock_wait: float = Field(default=30, ge=0, le=86400)
    migrator: str | None = None
    roles: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _a_gate_keeps_its_data(self) -> Environment:
        if self.gated and self.disposable:
            raise ValueError("an environment is either gated or disposable, not both")
        return self

    @property
    def variable(self) -> str:
        """The name of the variable that holds the URL."""
        return self.url_variable or f"{self.name.upper()}_DATABASE_URL"

    @property
    def runs_verify(self) -> bool:
        """Whether a revision's own ``verify`` runs here: gated environments must opt in."""
        return not self.gated if self.run_verify is None else self.run_verify


class Config(Strict):
    """The whole file. ``root`` is the folder that holds it; its paths are relative to that."""

    root: Path
    file: str = CONFIG_NAME
    release: ReleaseConfig = ReleaseConfig()
    scope: ScopeConfig = ScopeConfig()
    environment: tuple[Environment, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Config:
        names = [env.name for env in self.environment]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the environment {', '.join(twice)} is declared more than once")
        return self

    @property
    def environments(self) -> tuple[Environment, ...]:
        """Those that take part, in order: an optional one without a URL is left out."""
        return tuple(env for env in self.environment if not env.optional or os.environ.get(env.variable))

    def until(self, name: str) -> Config:
        """Give the same without the environments behind the named one; raise UnknownEnvironment."""
        last = self.environment.index(self.declared(name))
        return self.model_copy(update={"environment": self.environment[: last + 1]})

    @property
    def path(self) -> Path:
        """The file that this was read from."""
        return self.root / self.file

    def declared(self, name: str) -> Environment:
        """Find an environment by its name; raise UnknownEnvironment."""
        for env in self.environment:
            if env.name == name:
                return env
        raise UnknownEnvironment(name, ", ".join(env.name for env in self.environment))

    def url(self, env: Environment) -> str:
        """Give an environment's URL; raise MissingUrl where its variable is not set."""
        url = os.environ.get(env.variable)
        if not url:
            raise MissingUrl(env.name, env.variable)
        return url

    def scope_of(self, env: Environment | None = None) -> Scope:
        """Say what a snapshot of this environment holds; ``None`` is a scratch database."""
        return Scope(
            schemas=self.scope.schemas,
            ignore=self.scope.ignore,
            roles=env.roles if env else {},
            migrator=env.migrator if env else None,
            version_table=self.release.version_table,
            pinned_extensions=self.release.pinned_extensions,
        )


def find_config(start: Path | None = None) -> Path:
    """Find the file: the variable WISH_ROLLOUT_CONFIG, else this folder or the nearest one above."""
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named).resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    raise BadConfiguration(str(here / CONFIG_NAME), "there is no such file here or in a folder above")


def load_config(path: Path | None = None) -> Config:
    """Read the file and, beside it, ``.env.local`` and ``.env``; raise BadConfiguration."""
    path = path or find_config()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadConfiguration(str(path), reason or type(error).__name__) from None
    load_dotenv(path.parent)
    try:
        return Config.model_validate({**values, "root": path.parent, "file": path.name})
    except ValidationError as error:
        raise BadConfiguration(str(path), "; ".join(_reasons(error))) from None


def _reasons(error: ValidationError) -> Iterable[str]:
    for item in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in item["loc"])
        yield f"{place}: {item['msg']}" if place else item["msg"]


def load_dotenv(folder: Path) -> None:
    """Fill the process's environment from ``.env.local``, then ``.env``; what is set stays.

    Dagster's own commands put the values of ``.env`` over the process's before any code of ours runs, so a
    value that equals the one in ``.env`` counts as coming from there, and ``.env.local`` goes before it.
    """
    from dotenv import dotenv_values

    shared = dotenv_values(folder / ".env")
    for key, value in {**shared, **dotenv_values(folder / ".env.local")}.items():
        if value is not None and os.environ.get(key) in (None, shared.get(key)):
            os.environ[key] = value
