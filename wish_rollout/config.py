"""``rollout.toml`` and the environment's variables, read into frozen, checked values."""

from __future__ import annotations

import os
import tomllib
from datetime import time, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wish_rollout.addresses import from_command, from_file
from wish_rollout.core.budgets import Budget, Budgets
from wish_rollout.core.config_errors import BadConfiguration, MissingUrl, NoConfiguration, UnknownEnvironment
from wish_rollout.core.policy import DAYS, Policy, Window
from wish_rollout.core.scope import Scope
from wish_rollout.core.unmanaged import Unmanaged

if TYPE_CHECKING:
    from collections.abc import Iterable

CONFIG_NAME = "rollout.toml"
CONFIG_VARIABLE = "WISH_ROLLOUT_CONFIG"
SANDBOX_VARIABLE = "WISH_ROLLOUT_SANDBOX"
"""Set in processes that must not leave the sandbox, whatever the files beside rollout.toml say."""


class Strict(BaseModel):
    """A frozen table of the file; a key that we do not know is a mistake, not a wish."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReleaseConfig(Strict):
    """Where the scripts are. ``models`` names the declared schema as ``module:attribute``."""

    migrations: Path = Path("migrations")
    alembic_ini: Path | None = None
    models: str | None = Field(default=None, pattern=r"^[\w.]+:[\w.]+$")
    version_table: str = Field(default="public.alembic_version", pattern=r"^\w+\.\w+$")
    search_path: str = Field(default="public", min_length=1)
    scratch: str | None = None
    pinned_extensions: frozenset[str] = frozenset()
    authors: dict[str, tuple[str, ...]] = Field(default_factory=dict)


class ScopeConfig(Strict):
    """Shell patterns: the schemas that are ours, and names in them that are not.

    ``unmanaged``: what is done about objects in scope that the release's history does not know.
    """

    schemas: tuple[str, ...] = ("*",)
    ignore: tuple[str, ...] = ()
    unmanaged: Unmanaged = Unmanaged.FAIL


class WindowConfig(Strict):
    """Days and hours in which an environment may be touched: ``mon-thu``, ``09:00-16:00``, a time zone."""

    days: str = "mon-sun"
    hours: str = Field(default="00:00-24:00", pattern=r"^\d\d:\d\d-\d\d:\d\d$")
    zone: str = "UTC"

    @cached_property
    def window(self) -> Window:
        """As the policy takes it; raises ValueError for days, hours or a zone that there are not."""
        try:
            zone = ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"there is no time zone named '{self.zone}'") from None
        opens, closes = (_clock(text) for text in self.hours.split("-"))
        return Window(_days(self.days), opens, closes, zone)

    @model_validator(mode="after")
    def _is_a_window(self) -> WindowConfig:
        assert self.window
        return self


def _clock(text: str) -> time:
    return time(0) if text == "24:00" else time.fromisoformat(text)


def _days(text: str) -> tuple[int, ...]:
    days: list[int] = []
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            raise ValueError(f"'{part}' is no day: write {', '.join(DAYS)}, or mon-thu")
        start, length = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7 + 1
        days += [(start + step) % 7 for step in range(length)]
    return tuple(sorted(set(days)))


class ApprovalConfig(Strict):
    """What a gated environment demands of its approvals. ``lives`` is a number and s, m, h or d."""

    allowed_signers: Path | None = None
    quorum: int = Field(default=1, ge=1, le=20)
    quorum_for: dict[str, Annotated[int, Field(ge=1, le=20)]] = Field(default_factory=dict)
    four_eyes: bool = True
    lives: str = Field(default="24h", pattern=r"^[1-9]\d{0,5}[smhd]$")
    windows: tuple[WindowConfig, ...] = ()
    approvers: tuple[str, ...] = ()
    allowed_hazards: tuple[str, ...] | None = None
    break_glass: bool = True

    def policy(self, signers: str) -> Policy:
        """Give the policy; ``signers`` is the digest of the file of allowed signers."""
        unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[self.lives[-1]]
        return Policy(
            signers=signers,
            quorum=self.quorum,
            quorum_for=tuple(sorted(self.quorum_for.items())),
            four_eyes=self.four_eyes,
            lives=timedelta(**{unit: int(self.lives[:-1])}),
            windows=tuple(each.window for each in self.windows),
            approvers=self.approvers,
            allowed_hazards=self.allowed_hazards,
            break_glass=self.break_glass,
        )


class BudgetConfig(Strict):
    """Milliseconds for one class of operation; 0 would be no limit, so it is none of them."""

    lock_ms: int = Field(ge=1, le=86_400_000)
    statement_ms: int = Field(ge=1, le=604_800_000)

    @property
    def budget(self) -> Budget:
        """The value."""
        return Budget(self.lock_ms, self.statement_ms)


class BudgetsConfig(Strict):
    """How long migrations may wait, work and hold others up; what is not said is as core.budgets has it."""

    transaction: BudgetConfig | None = None
    concurrent: BudgetConfig | None = None
    batch: BudgetConfig | None = None
    retry_for: float = Field(default=300, ge=0, le=86400)
    blocked: int = Field(default=20, ge=0, le=10_000)
    blocked_ms: int = Field(default=1000, ge=10, le=600_000)
    quiet_for: float = Field(default=60, ge=0, le=86400)
    old_ms: int = Field(default=60_000, ge=0, le=86_400_000)

    @property
    def budgets(self) -> Budgets:
        """The value."""
        said = {name: getattr(self, name) for name in ("transaction", "concurrent", "batch")}
        given = {name: value.budget for name, value in said.items() if value}
        plain = self.model_dump(exclude={"transaction", "concurrent", "batch"})
        return Budgets(**given, **plain)


class Environment(Strict):
    """A place in promotion order, with its policy."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)
    url_variable: str = ""
    url_file: Path | None = None
    url_command: str | tuple[str, ...] | None = None
    aws_iam: bool = False
    aws_region: str | None = None
    allow_plaintext: bool = False
    optional: bool = False
    gated: bool = False
    disposable: bool = False
    run_verify: bool | None = None
    connect_timeout: int = Field(default=10, ge=1, le=120)
    lock_wait: float = Field(default=30, ge=0, le=86400)
    pooled_sessions: bool = False
    budgets: BudgetsConfig = BudgetsConfig()
    migrator: str | None = None
    roles: dict[str, str] = Field(default_factory=dict)
    approval: ApprovalConfig | None = None

    @model_validator(mode="after")
    def _a_gate_keeps_its_data(self) -> Environment:
        if self.gated and self.disposable:
            raise ValueError("an environment is either gated or disposable, not both")
        if self.url_file and self.url_command:
            raise ValueError("give either url_file or url_command, not both")
        if self.approval and not self.gated:
            raise ValueError("approval is told for an environment that is not gated")
        return self

    @property
    def variable(self) -> str:
        """The name of the variable that holds the URL."""
        return self.url_variable or f"{self.name.upper()}_DATABASE_URL"

    @property
    def source(self) -> str:
        """What to call the place that the URL comes from, for errors."""
        if os.environ.get(self.variable) or not self.has_other_source:
            return self.variable
        return f"{'url_file' if self.url_file else 'url_command'} of '{self.name}'"

    @property
    def has_other_source(self) -> bool:
        """Whether the URL comes from elsewhere where its variable is not set."""
        return self.url_file is not None or self.url_command is not None

    @property
    def takes_part(self) -> bool:
        """Whether it takes part: an optional one does where it has a URL."""
        return not self.optional or bool(os.environ.get(self.variable)) or self.has_other_source

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
        return tuple(env for env in self.environment if env.takes_part)

    def until(self, name: str) -> Config:
        """Give the same without the environments behind the named one; raise UnknownEnvironment."""
        last = self.environment.index(self.declared(name))
        return self.model_copy(update={"environment": self.environment[: last + 1]})

    def only(self, name: str) -> Config:
        """Give the same with just the named environment; raise UnknownEnvironment."""
        return self.model_copy(update={"environment": (self.declared(name),)})

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
        """Give an environment's URL: its variable's, else its file's or its command's.

        The variable goes first, so that the sandbox can stand in for every environment. Raises MissingUrl,
        UrlSourceFailed.
        """
        if url := os.environ.get(env.variable):
            return url
        if env.url_file:
            return from_file(env.name, self.root / env.url_file)
        if env.url_command:
            return from_command(env.name, env.url_command, self.root)
        raise MissingUrl(env.name, env.variable)

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
    raise NoConfiguration(str(here))


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

    if os.environ.get(SANDBOX_VARIABLE):
        return
    shared = dotenv_values(folder / ".env")
    for key, value in {**shared, **dotenv_values(folder / ".env.local")}.items():
        if value is not None and os.environ.get(key) in (None, shared.get(key)):
            os.environ[key] = value
