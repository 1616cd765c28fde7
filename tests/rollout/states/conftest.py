"""A project with one gated environment, and the walk: the commands that hints name, until the environment is in step."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.fix_folder import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fix_project import Result, Workspace

ENV_PY = """
import sqlalchemy as sa
from alembic import context

engine = sa.create_engine(context.config.get_main_option("sqlalchemy.url"), poolclass=sa.pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
TOML = """
[release]
scratch = "{scratch}"
migrations = "db"

[[environment]]
name = "prod"
gated = true

[environment.approval]
allowed_signers = "approvers"
four_eyes = false
"""
TABLE = "CREATE TABLE items (id int PRIMARY KEY, title text, price int)"
COMMANDS = re.compile(r"wish-rollout ((?:apply|rollback|approve|drift|generate|verify)\b[^;,\n()]*)")
STATEMENTS = re.compile(r"((?:DROP INDEX CONCURRENTLY|ALTER ROLE|ALTER DATABASE) [^;\n]*)")
MOST_STEPS = 12


@dataclass
class States:
    """The project, and how its only environment ``prod`` is brought in step."""

    workspace: Workspace
    walked: list[str] = field(default_factory=list)
    output: str = ""

    def revision(
        self, name: str, parent: str | tuple[str, ...] | None, up: str, down: str = "", more: str = ""
    ) -> None:
        """Write a revision that executes these statements."""
        calls = [f"op.execute({text!r})" if text else "pass" for text in (up, down)]
        text = SCRIPT.format(message=name, revision=name, parent=parent, up=calls[0], down=calls[1])
        folder = self.workspace.root / "db/versions"
        folder.mkdir(exist_ok=True, parents=True)
        (folder / f"{name}.py").write_text(text + more)

    def forget(self, *names: str) -> None:
        """Delete revisions."""
        for name in names:
            (self.workspace.root / f"db/versions/{name}.py").unlink()

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        """Execute a statement in prod as the migrating role."""
        return self.workspace.sql("prod", statement)

    def cli(self, *arguments: str) -> Result:
        """Run a command."""
        return self.workspace.cli(*arguments)

    def roll_out(self, *arguments: str) -> None:
        """Apply, approve what waits, and apply again; fail if anything is refused."""
        result = self.cli("apply", *arguments)
        while result.code == 3:
            assert self.cli("approve", "prod", "--reason", "agreed", "--yes").code == 0
            result = self.cli("apply", *arguments)
        assert result.code == 0, result
        self.assert_in_step()

    def migrate(self) -> None:
        """Migrate prod without Dagster and without an approval, as the initial state of a test."""
        self.workspace.migrate("prod")

    def assert_in_step(self) -> None:
        """Fail unless nothing is pending and nothing has drifted. Each ``apply`` has verified it already."""
        drift = self.cli("drift")
        assert drift.code == 0, drift
        self.workspace.assert_plan_is_empty()

    def walk(self, *arguments: str) -> list[str]:
        """Run a command, then what each hint names, until prod is in step; return the commands that were run."""
        command = " ".join(arguments)
        waiting = command
        while len(self.walked) < MOST_STEPS:
            self.walked.append(command)
            result = self.cli(*self.arguments(command))
            self.output += f"$ {command}\n{result.out}{result.err}\n"
            import psycopg
            from wish_rollout.sandbox.settings import ADMIN
            with psycopg.connect(self.workspace.server.url("postgres", ADMIN)) as c:
                for r in c.execute("select datname, application_name, state, left(query,80) from pg_stat_activity where backend_type='client backend' and pid<>pg_backend_pid()"): self.output += f"CONN {r}\n"
            if command.startswith("drift") and "--sql" in command:
                assert self.statements(result.out), f"{command} printed no statement: {result}"
                self.sql(result.out)
                command = waiting
            elif result.code == 0 and command.startswith("approve"):
                command = waiting
            elif result.code == 0:
                return self.finish(command)
            else:
                command = self.next_command(result)
                waiting = waiting if command.startswith(("approve", "drift")) else command
        pytest.fail(f"the hints lead in a circle: {self.walked}\n{self.output}")

    def finish(self, command: str) -> list[str]:
        """Apply what is still pending, and return the commands; fail unless prod is in step."""
        if not command.startswith("apply"):
            return self.walk("apply")
        self.assert_in_step()
        return self.walked

    def next_command(self, result: Result) -> str:
        """Return the command that a hint names first, after the SQL statements in it were executed."""
        hint = result.err.partition("hint: ")[2].partition("\n\n")[0]
        for statement in STATEMENTS.findall(hint):
            self.sql(statement.strip())
        commands = [each.strip() for each in COMMANDS.findall(hint)]
        chosen = [each for each in commands if not re.fullmatch(r"drift \w+", each)]
        assert chosen, f"the hint names no command: {result}"
        return str(chosen[0])

    @staticmethod
    def arguments(command: str) -> list[str]:
        """Return the arguments of a command from a hint."""
        words = command.replace("'…'", "agreed").split()
        if words[0] == "approve":
            words = ["approve", "prod", "--reason", "agreed", "--yes"]
        return words

    @staticmethod
    def statements(script: str) -> list[str]:
        """Return the lines of a script that are not comments."""
        return [line for line in script.splitlines() if line.strip() and not line.lstrip().startswith("--")]


@pytest.fixture
def states(each_workspace: Workspace) -> Iterator[States]:
    """The project on each PostgreSQL version, with one revision that creates a table."""
    workspace = each_workspace
    scratch = re.search(r'scratch = "(.*)"', (workspace.root / "rollout.toml").read_text())
    assert scratch
    (workspace.root / "rollout.toml").write_text(TOML.format(scratch=scratch[1]))
    for name in ("local", "staging"):
        workspace.unset_url(name)
        workspace.database_urls.pop(name, None)
    (workspace.root / "db").mkdir()
    (workspace.root / "db/env.py").write_text(ENV_PY)
    created = States(workspace)
    created.revision("r1", None, TABLE, "DROP TABLE items")
    yield created
    os.environ.pop("WISH_ROLLOUT_SANDBOX", None)
