"""A target: one PostgreSQL database of an environment."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

from wish_rollout.addresses import iam_token, refuse_plaintext
from wish_rollout.postgres.facts.database_state import read_database_state
from wish_rollout.postgres.sessions.bounded_connection import give_up_after_limit
from wish_rollout.postgres.sessions.connections import connect, parse_url, reset_session
from wish_rollout.postgres.sessions.server_errors import as_rollout_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.config import Environment
    from wish_rollout.core.plan.database_state import DatabaseState
    from wish_rollout.core.schema.scope import Scope
    from wish_rollout.postgres.sessions.bounded_connection import BoundedConnection


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
    def connect(self) -> Iterator[BoundedConnection]:
        """Open a session in autocommit, for a while.

        Raises as postgres.sessions.connections does; UnencryptedConnection for a gated environment or a fleet on
        another machine without TLS; IamRequirementNotMet.
        """
        env = self.environment
        parameters = parse_url(self.url, env.source)
        if env.requires_encryption:
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
        connection.reason_to_give_up = give_up_after_limit
        try:
            with connection:
                yield connection
        except psycopg.Error as error:
            raise as_rollout_error(error, f"'{env.name}'") from None

    @contextmanager
    def with_one_session(self) -> Iterator[HeldTarget]:
        """Yield the target with one open session, which everything that connects to it uses in turn. Raises as ``connect``."""
        with self.connect() as connection:
            # a reset deallocates prepared statements on the server, which psycopg before 3.3.5 does not notice
            connection.prepare_threshold = None
            yield HeldTarget(self.environment, self.url, self.scope, self.application_name, connection)

    def read_database_state(self) -> DatabaseState:
        """Read facts and schema in one read-only snapshot transaction."""
        with self.connect() as connection:
            return read_database_state(connection, self.scope)


@dataclass(frozen=True)
class HeldTarget(Target):
    """A target with an open session. Each use of it begins with the settings of a new one; only one at a time is possible.

    A new session would first have to read the catalog into its caches, which takes the server as long as reading a schema.
    """

    session: BoundedConnection | None = None

    @contextmanager
    def connect(self) -> Iterator[BoundedConnection]:
        """Yield the session, and reset it afterwards. Raises the server's errors."""
        assert self.session is not None
        try:
            yield self.session
        except psycopg.Error as error:
            raise as_rollout_error(error, f"'{self.name}'") from None
        finally:
            if self.session.info.transaction_status == TransactionStatus.IDLE:
                with suppress(psycopg.Error):  # the next use of a broken session raises its error
                    reset_session(self.session)
