"""A revision's own ``verify(connection)``: statements that must succeed, and ones that must be refused."""

from __future__ import annotations

import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa

from wish_rollout.core.text.exception_text import describe_exception
from wish_rollout.revisions.script_folder.script_files import attribute_of
from wish_rollout.revisions.sessions.shared_connection import Phase
from wish_rollout.revisions.sessions.shared_session import share_session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.revisions.script_folder.scripts import Scripts


class NotRefused(AssertionError):
    """The database accepted what it must refuse, or refused it for another reason."""


@contextmanager
def refused(connection: sa.Connection, sqlstate: str) -> Iterator[None]:
    """Expect the database to refuse what the block executes, with this SQLSTATE (manual, appendix A).

    The block runs in a savepoint, so the transaction continues after it. Raises NotRefused.
    """
    try:
        with connection.begin_nested():
            yield
    except sa.exc.DBAPIError as error:
        found = getattr(error.orig, "sqlstate", None)
        if found != sqlstate:
            raise NotRefused(f"refused with SQLSTATE {found}, not {sqlstate}: {error.orig}") from None
    else:
        raise NotRefused(f"accepted, and had to be refused with SQLSTATE {sqlstate}")


def refuse_commit(_connection: sa.Connection) -> None:
    """Keep ``verify`` from keeping what it wrote."""
    raise NotRefused("it commits, and what it writes must be rolled back")


def has_verify(scripts: Scripts, revision: str) -> bool:
    """Return whether a revision's script has a ``verify``."""
    script = scripts.directory.get_revision(revision)
    return attribute_of(script, "verify") is not None


def run_verify(
    scripts: Scripts, connection: psycopg.Connection[Any], revision: str, search_path: str
) -> str | None:
    """Run the revision's ``verify`` in a transaction that is rolled back.

    Gives None where it has none, an empty text where it holds, and what failed otherwise.
    """
    script = scripts.directory.get_revision(revision)
    verify = attribute_of(script, "verify")
    if verify is None:
        return None
    with share_session(connection, search_path) as session, session.connect() as ours:
        session.phase = Phase.AFTER
        sa.event.listen(session.engine, "commit", refuse_commit)
        transaction = ours.begin()
        try:
            with redirect_stdout(sys.stderr):
                verify(ours)
        except (NotRefused, AssertionError) as error:
            return f"verify() of {revision}: {error}"
        except sa.exc.DBAPIError as error:
            origin = error.orig
            text = origin.diag.message_primary if isinstance(origin, psycopg.Error) else str(origin)
            return f"verify() of {revision}: a statement that must succeed was refused: {text}"
        except Exception as error:  # noqa: BLE001  (whatever it raises, it does not hold)
            return f"verify() of {revision} raised {describe_exception(error)}"
        finally:
            if transaction.is_active:
                transaction.rollback()
    return ""
