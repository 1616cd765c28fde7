"""Every mutation of the catalog suite is also applied as a release: planned, migrated and verified.

The scripts are ordinary Alembic scripts. The first one prepares the schema, the second one is the mutation.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.postgres.cases import Case, read_cases
from tests.postgres.conftest import MAJORS
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.execution.verification import verify_environment
from wish_rollout.rollout.project.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.postgres.conftest import Server

ROLES = {"role": "", "role2": "", "admin": "SUPERUSER", "admin2": ""}
MARK = "\n--- the mutation\n"
MUTATIONS = read_cases("mutations")
APPLIED_ON = [major for major in MAJORS if major in (14, 15, 18)]
ENV = """
from alembic import context
from sqlalchemy import create_engine

with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
SCRIPT = """
from alembic import op

revision, down_revision = {revision!r}, {parent!r}
allow_hazards = {{kind: "this is a test" for kind in {hazards}}}


def upgrade():
    op.get_bind().exec_driver_sql({sql!r})
"""
CONFIGURATION = """
[release]
migrations = "migrations"
scratch = "{scratch}"

[[environment]]
name = "local"
url_variable = "MUTATION_DATABASE_URL"
disposable = true
"""


def pairs() -> Iterator[Any]:
    """Yield each case with one of the versions in turn; with WISH_ALL_MUTATIONS, with all of them."""
    for place, case in enumerate(MUTATIONS):
        known = [major for major in APPLIED_ON if major >= case.since]
        for major in known if os.environ.get("WISH_ALL_MUTATIONS") else [known[place % len(known)]]:
            yield pytest.param(case, major, id=f"{case}-{major}")


def with_existing_roles(server: Server, sql: str) -> str:
    """Return SQL whose roles exist on the server already: they are not of one database."""
    admin = "CREATE ROLE case_role SUPERUSER;"
    sql = sql.replace(admin, "").replace("case_role", "release_admin" if admin in sql else "release_role")
    for role, rights in ROLES.items():
        if f"release_{role}" in sql:
            with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
                server.run(f"CREATE ROLE release_{role} {rights}")
    return re.sub(r"CREATE ROLE release_\w+;", "", sql)


@pytest.mark.parametrize(("case", "major"), list(pairs()))
def test_a_mutation_is_applied_as_a_release(
    case: Case,
    major: int,
    servers: Callable[[int], Server],
    fresh: Callable[[Server], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = servers(major)
    url = server.url(fresh(server))
    monkeypatch.setenv("MUTATION_DATABASE_URL", url)
    both = with_existing_roles(server, f"{case.parts[0]}{MARK}{case.parts[1]}")
    before, _, mutation = both.partition(MARK)
    write_project(tmp_path, server.url(), before.strip() or "SELECT 1", mutation.strip())
    project = Project.load(tmp_path / "rollout.toml")
    migrated = migrate_environment(project, project.target("local"))
    assert migrated.revisions == ["0001", "0002"]
    verification = verify_environment(
        project, project.target("local"), expected=migrated.expected, again=True
    )
    assert verification.passed, verification.checks


def write_project(root: Path, scratch: str, before: str, mutation: str) -> None:
    """Write a project of two revisions."""
    from wish_rollout.core.hazards.assessment import KINDS

    versions = root / "migrations" / "versions"
    versions.mkdir(parents=True)
    (root / "migrations" / "env.py").write_text(ENV)
    (root / "rollout.toml").write_text(CONFIGURATION.format(scratch=scratch))
    hazards = sorted(KINDS)
    for revision, parent, sql in (("0001", None, before), ("0002", "0001", mutation)):
        text = SCRIPT.format(revision=revision, parent=parent, hazards=hazards, sql=sql.replace("%", "%%"))
        (versions / f"{revision}.py").write_text(text)
