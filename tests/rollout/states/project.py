"""A project with one gated environment, and the walk: the commands that hints name, until the environment is in step.

Most tests run the steps of a rollout in this process, without Dagster and with a gatekeeper that authorizes every plan,
or with a ``gate`` for which the walk signs. With ``dagster`` the commands are run, and the walk signs too.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.fix_folder import SCRIPT
from tests.fix_project import Result, grant_anything
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.plan.action import ROLLBACKS
from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.rollout.execution.ledger_recording import Actor
from wish_rollout.rollout.execution.migration import migrate_environment
from wish_rollout.rollout.execution.preflight import preflight
from wish_rollout.rollout.execution.verification import verify_environment
from wish_rollout.rollout.planning.plans import Choices, plan_target
from wish_rollout.rollout.planning.rollbacks.rollback_plan import plan_feasible_rollback
from wish_rollout.rollout.rollback.rollback import rollback_environment

if TYPE_CHECKING:
    from tests.fix_project import Workspace
    from tests.rollout.states.gate import SigningGate
    from wish_rollout.core.plan.plan import EnvironmentPlan
    from wish_rollout.rollout.execution.migration import Migrated
    from wish_rollout.rollout.project.project import Project
    from wish_rollout.rollout.servers.target import Target

TABLE = "CREATE TABLE items (id int PRIMARY KEY, title text, price int)"
COMMANDS = re.compile(r"wish-rollout ((?:apply|rollback|approve|drift|generate|verify)\b[^;,\n()]*)")
STATEMENTS = re.compile(
    r"((?:DROP INDEX|ALTER TABLE \S+ (?:ALTER|REPLICA)|ALTER ROLE|ALTER DATABASE) [^;\n]*)"
)
MOST_STEPS = 12


ACTOR = Actor(gatekeeper=grant_anything)


@dataclass
class States:
    """The project, and how its only environment ``prod`` is brought in step.

    ``dagster``: apply and rollback are run as commands, so that they wait for a signature. ``gate``: requires signatures
    without Dagster. ``signs``: each plan that waits there is signed at once, and its command is run again.
    """

    workspace: Workspace
    dagster: bool = False
    gate: SigningGate | None = None
    signs: bool = False
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

    def run(self, *arguments: str) -> Result:
        """Run a command; apply and rollback without Dagster, unless ``dagster`` is set."""
        if self.gate and arguments[0] == "approve":
            self.gate.approve()
            return Result(0, "", "")
        if self.dagster or arguments[0] not in ("apply", "rollback"):
            return self.cli(*arguments)
        with self.workspace.as_current_project():
            project = self.workspace.project
            try:
                plan = run_steps(project, project.target("prod"), arguments, self.gate)
            except RolloutError as error:
                if not (self.gate and self.signs and error.exit_code == 3):
                    return Result(error.exit_code, "", f"error: {error}")
                self.gate.approve()
                return self.run(*arguments)
        return Result(0, "\n".join(plan.notes), "")

    def roll_out(self, *arguments: str) -> None:
        """Apply, approve what waits, and apply again; fail if anything is refused."""
        result = self.run("apply", *arguments)
        while result.code == 3:
            assert self.run("approve", "prod", "--reason", "agreed", "--yes").code == 0
            result = self.run("apply", *arguments)
        assert result.code == 0, result
        self.assert_in_step()

    def migrate(self) -> None:
        """Migrate prod without Dagster and without an approval, as the initial state of a test."""
        self.workspace.migrate("prod")

    def assert_in_step(self) -> None:
        """Fail unless nothing is pending and nothing has drifted. Each ``apply`` has verified it already."""
        with self.workspace.as_current_project():
            project = self.workspace.project
            plan, _ = plan_target(project, project.target("prod"))
        assert (plan.verdict, plan.is_empty) == (Verdict.IN_STEP, True), plan.as_dict()

    def walk(self, *arguments: str) -> list[str]:
        """Run a command, then what each hint names, until prod is in step; return the commands that were run."""
        command = " ".join(arguments)
        waiting = command
        while len(self.walked) < MOST_STEPS:
            self.walked.append(command)
            result = self.run(*self.arguments(command))
            self.output += f"$ {command}\n{result.out}{result.err}\n"
            if command.startswith("drift") and "--sql" in command:
                self.resolve(result)
                command = waiting
            elif result.code == 0 and command.startswith("approve"):
                command = waiting
            elif result.code == 0:
                return self.finish(command)
            else:
                command = self.next_command(result)
                waiting = waiting if command.startswith(("approve", "drift")) else command
        pytest.fail(f"the hints lead in a circle: {self.walked}\n{self.output}")

    def resolve(self, result: Result) -> None:
        """Execute what ``drift --sql`` has printed; if that is nothing, keep the objects as its hint says."""
        if self.statements(result.out):
            self.sql(result.out)
        else:
            names = re.search(r"ignore = \[([^;]*)\];", result.err)
            assert names, f"no statement, and no hint: {result}"
            text = (self.workspace.root / "rollout.toml").read_text()
            scope = f"[scope]\nignore = [{names[1]}]\n\n"
            (self.workspace.root / "rollout.toml").write_text(scope + text)

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
        untried = [each for each in chosen if each != self.walked[-1]]
        return str((untried or chosen)[0])

    @staticmethod
    def arguments(command: str) -> list[str]:
        """Return the arguments of a command from a hint."""
        words = shlex.split(command)
        if words[0] == "approve":
            words = ["approve", "prod", "--reason", "agreed", "--yes"]
        return words

    @staticmethod
    def statements(script: str) -> list[str]:
        """Return the lines of a script that are neither comments nor those of its transaction."""
        lines = [line for line in script.splitlines() if line.strip() and not line.lstrip().startswith("--")]
        return [line for line in lines if line not in ("BEGIN;", "COMMIT;")]


def run_steps(
    project: Project, target: Target, arguments: tuple[str, ...], gate: SigningGate | None = None
) -> EnvironmentPlan:
    """Plan, migrate and verify prod as the jobs rollout and rollback do, and return the plan."""
    if arguments[0] == "rollback":
        to = arguments[arguments.index("--to") + 1] if "--to" in arguments else None
        plan = plan_feasible_rollback(project, target, to, by_remedy="--by-remedy" in arguments)
        actor = gate.pass_plan(project, target, plan) if gate else ACTOR
        done = rollback_environment(project, target, to, planned=plan.signed_fields(), actor=actor)
        return verified(project, target, plan, done)
    adopted = ("prod",) if "--adopt" in arguments else ()
    choices = Choices(adopt=adopted, replan=("prod",) if "--replan" in arguments else ())
    plan = preflight(project, [target], choices).environments[0]
    actor = gate.pass_plan(project, target, plan) if gate else ACTOR
    planned = plan.signed_fields()
    migrated = migrate_environment(project, target, planned=planned, choices=choices, actor=actor)
    return verified(project, target, plan, migrated)


def verified(project: Project, target: Target, plan: EnvironmentPlan, migrated: Migrated) -> EnvironmentPlan:
    """Return the plan after a verification that has passed."""
    verification = verify_environment(
        project, target, expected=migrated.expected, again=plan.action not in ROLLBACKS
    )
    verification.raise_if_failed()
    return plan
