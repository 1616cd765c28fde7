"""A project: its configuration, its scripts, and what history promises for each revision."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psycopg

from wish_rollout.addresses import iam_token, refuse_plaintext
from wish_rollout.config import Config, Environment, load_config
from wish_rollout.core.pins import pinned_in
from wish_rollout.core.unmanaged import Counted, Known, count, known_in
from wish_rollout.postgres.connect import connect, parse_url
from wish_rollout.postgres.refusals import refusal
from wish_rollout.postgres.sighting import look

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from wish_rollout.core.release import Release
    from wish_rollout.core.scope import Scope
    from wish_rollout.core.sighting import Sighting
    from wish_rollout.core.snapshot import Snapshot
    from wish_rollout.revisions.driver import Road
    from wish_rollout.revisions.scripts import Scripts
    from wish_rollout.rollout.history import History


@dataclass(frozen=True)
class Target:
    """One database of an environment. Its URL is a secret: it is in no repr."""

    environment: Environment
    url: str
    scope: Scope
    application_name: str = "wish-rollout"

    def __repr__(self) -> str:
        return f"Target({self.environment.name})"

    @property
    def name(self) -> str:
        """The environment's name."""
        return self.environment.name

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection[Any]]:
        """Open a session in autocommit, for a while.

        Raises as postgres.connect does; Plaintext for a gated environment far away without TLS; IamNeeds.
        """
        env = self.environment
        parameters = parse_url(self.url, env.source)
        if env.gated and not env.allow_plaintext:
            refuse_plaintext(env.name, parameters)
        token = None
        if env.aws_iam and not parameters.get("password"):
            token = iam_token(env.name, env.aws_region, parameters)
        connection = connect(
            self.url,
            env.source,
            application_name=self.application_name,
            timeout=env.connect_timeout,
            password=token,
        )
        try:
            with connection:
                yield connection
        except psycopg.Error as error:
            raise refusal(error, f"'{env.name}'") from None

    def look(self) -> Sighting:
        """Read facts and schema in one read-only snapshot transaction."""
        with self.connect() as connection:
            return look(connection, self.scope)


class Project:
    """All that is read from files: configuration, release, history. Reads late, and once."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @classmethod
    def load(cls, path: Path | None = None) -> Project:
        """Read rollout.toml; raise BadConfiguration."""
        return cls(load_config(path))

    @cached_property
    def scripts(self) -> Scripts:
        """The Alembic script folder."""
        from wish_rollout.revisions.scripts import Scripts

        release = self.config.release
        return Scripts(self.config.root, release.migrations, release.alembic_ini)

    @property
    def release(self) -> Release:
        """The chain of revisions up to head."""
        return self.scripts.release

    @cached_property
    def history(self) -> History:
        """What each revision leads to."""
        from wish_rollout.rollout.history import History

        return History(self)

    @property
    def release_digest(self) -> str:
        """The name of exactly these scripts and the schema that they lead to."""
        return self.release.digest(self.history.at(self.release.head).fingerprint)

    @cached_property
    def _known(self) -> Known:
        """The names of all objects that the release's history has ever had."""
        positions = [(), *((revision.id,) for revision in self.release.revisions)]
        return known_in(self.history.at(position) for position in positions)

    def count(self, live: Snapshot) -> Counted:
        """Say what of a live schema counts against a promise: the one place where that is decided."""
        return count(live, self.config.scope.unmanaged, lambda: self._known)

    def target(self, name: str, application_name: str = "wish-rollout") -> Target:
        """Give an environment's database; raise UnknownEnvironment, MissingUrl."""
        env = self.config.declared(name)
        return self.target_at(env, self.config.url(env), application_name)

    def target_at(self, env: Environment, url: str, application_name: str = "wish-rollout") -> Target:
        """Give an environment's database at a URL that the caller holds."""
        return Target(env, url, self.scope_of(env), application_name)

    def scope_of(self, env: Environment | None = None) -> Scope:
        """Say what a snapshot of this environment holds; ``None`` is a scratch database.

        Versions count of those extensions that rollout.toml or a revision of the release pins.
        """
        scope = self.config.scope_of(env)
        return replace(scope, pinned_extensions=scope.pinned_extensions | self._pinned)

    @cached_property
    def _pinned(self) -> frozenset[str]:
        paths = (self.config.root / revision.path for revision in self.release.revisions)
        return pinned_in(path.read_text(encoding="utf-8", errors="replace") for path in paths)

    def road(self, target: Target, connection: psycopg.Connection[Any]) -> Road:
        """Give what a run of the scripts on this target needs; the session must be in autocommit."""
        from wish_rollout.revisions.driver import Road

        return Road(
            self.scripts,
            connection,
            target.url,
            self.config.release.version_table,
            self.config.release.search_path,
            target.name,
        )
