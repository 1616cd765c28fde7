"""Every mutation of the catalog suite is also applied as a release: planned, migrated and verified.

The scripts are ordinary Alembic scripts. The first one prepares the schemas, each other one is a mutation. Several cases
are one release, each in a schema of its own; if the release fails, each of them is applied without the others.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.postgres.cases import EVERYTHING, Case, read_cases
from tests.postgres.conftest import MAJORS
from wish_rollout.core.hazards.assessment import KINDS
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


ALONE = re.compile(r"\b(public|search_path)\b")
"""A case that says this has a release of its own."""
KINDS_WITHOUT_SCHEMA = re.compile(
    r"\b(ACCESS METHOD|CAST \(|CREATE CAST|DATABASE|DEFAULT PRIVILEGES|EVENT TRIGGER|EXTENSION|FOREIGN DATA WRAPPER"
    r"|LARGE OBJECT|LANGUAGE l|ON LANGUAGE|PUBLICATION|SCHEMA|SERVER|SUBSCRIPTION|TRANSFORM|USER MAPPING)"
)
"""A release has one case with objects of such a kind, because other cases use the same names."""
TOGETHER = 1 if EVERYTHING else 12
"""So many cases are applied in one release, each in a schema of its own if there are several."""


@dataclass(frozen=True)
class Failure:
    """A case that fails without the others of its release."""

    case: str
    error: str


def groups() -> Iterator[Any]:
    """Yield the cases of each release and its version. With WISH_ALL_MUTATIONS, each case alone on each version."""
    chosen: dict[int, list[Case]] = {major: [] for major in APPLIED_ON}
    for place, case in enumerate(MUTATIONS):
        known = [major for major in APPLIED_ON if major >= case.since]
        for major in known if EVERYTHING else [known[place % len(known)]]:
            chosen[major].append(case)
    for major, cases in chosen.items():
        for each in divide(cases):
            more = f" and {len(each) - 1} more" if len(each) > 1 else ""
            yield pytest.param(each, major, id=f"{each[0]}{more}-{major}")


def divide(cases: list[Case]) -> list[list[Case]]:
    """Return groups of cases whose objects cannot have the same name if each case has its own schema."""
    groups: list[tuple[list[Case], set[str]]] = []
    for case in cases:
        sql = "\n".join(case.parts[:2])
        kinds = {*KINDS_WITHOUT_SCHEMA.findall(sql), *(["alone"] if ALONE.search(sql) else [])}
        for group, present in groups:
            if len(group) < TOGETHER and not (kinds & present) and "alone" not in kinds | present:
                group.append(case)
                present.update(kinds)
                break
        else:
            groups.append(([case], kinds))
    return [group for group, _ in groups]


def with_existing_roles(server: Server, sql: str) -> str:
    """Return SQL whose roles exist on the server already: they are not of one database."""
    admin = "CREATE ROLE case_role SUPERUSER;"
    sql = sql.replace(admin, "").replace("case_role", "release_admin" if admin in sql else "release_role")
    for role, rights in ROLES.items():
        if f"release_{role}" in sql:
            with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
                server.run(f"CREATE ROLE release_{role} {rights}")
    return re.sub(r"CREATE ROLE release_\w+;", "", sql)


@pytest.mark.parametrize(("cases", "major"), list(groups()))
def test_mutations_are_applied_as_a_release(
    cases: list[Case],
    major: int,
    servers: Callable[[int], Server],
    fresh: Callable[[Server], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def apply(root: Path, cases: list[Case]) -> None:
        server = servers(major)
        monkeypatch.setenv("MUTATION_DATABASE_URL", server.url(fresh(server)))
        apply_release(root, server, cases)

    try:
        apply(tmp_path / "release", cases)
    except Exception:
        if len(cases) > 1 and (failures := failures_alone(apply, tmp_path, cases)):
            pytest.fail("\n\n".join(f"{each.case}: {each.error}" for each in failures))
        raise


def failures_alone(
    apply: Callable[[Path, list[Case]], None], folder: Path, cases: list[Case]
) -> list[Failure]:
    """Apply each case as a release of its own; return those that fail."""
    failures = []
    for place, case in enumerate(cases):
        try:
            apply(folder / f"case{place}", [case])
        except Exception as error:  # noqa: BLE001
            failures.append(Failure(str(case), f"{type(error).__name__}: {error}"))
    return failures


def apply_release(root: Path, server: Server, cases: list[Case]) -> None:
    """Apply a release that prepares all cases in its first revision, and mutates one in each of the others."""
    both = [
        with_existing_roles(server, f"{case.parts[0]}{MARK}{case.parts[1]}").partition(MARK) for case in cases
    ]
    schemas = [f"case_{place}" for place in range(len(cases))] if len(cases) > 1 else [""]
    before = "\n".join(
        in_schema(schema, each[0], new=True) for schema, each in zip(schemas, both, strict=True)
    )
    mutations = [in_schema(schema, each[2]) for schema, each in zip(schemas, both, strict=True)]
    write_project(root, server.url(), [before, *mutations])
    project = Project.load(root / "rollout.toml")
    migrated = migrate_environment(project, project.target("local"))
    assert migrated.revisions == [f"{place:04}" for place in range(1, len(cases) + 2)]
    verification = verify_environment(
        project, project.target("local"), expected=migrated.expected, again=True
    )
    assert verification.passed, verification.checks


def in_schema(schema: str, sql: str, *, new: bool = False) -> str:
    """Return SQL whose names without a schema are in this schema, which it creates if ``new``; "" is the default schema."""
    if not schema:
        return sql.strip() or "SELECT 1"
    create = f"CREATE SCHEMA {schema};\nGRANT USAGE ON SCHEMA {schema} TO PUBLIC;\n" if new else ""
    return f"{create}SET LOCAL search_path = {schema};\n{sql.strip() or 'SELECT 1'};\nRESET search_path;"


def write_project(root: Path, scratch: str, scripts: list[str]) -> None:
    """Write a project with a revision for each SQL text."""
    versions = root / "migrations" / "versions"
    versions.mkdir(parents=True)
    (root / "migrations" / "env.py").write_text(ENV)
    (root / "rollout.toml").write_text(CONFIGURATION.format(scratch=scratch))
    hazards = sorted(KINDS)
    for place, sql in enumerate(scripts, start=1):
        revision, parent = f"{place:04}", f"{place - 1:04}" if place > 1 else None
        text = SCRIPT.format(revision=revision, parent=parent, hazards=hazards, sql=sql.replace("%", "%%"))
        (versions / f"{revision}.py").write_text(text)
