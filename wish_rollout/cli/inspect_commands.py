"""Commands that only look: status, drift, diff, snapshot, doctor, roles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.comparison_targets import ComparisonTargets, load_optional_config
from wish_rollout.cli.drift_output import show_drift, show_remedy
from wish_rollout.cli.options import Json, load_project, select_targets
from wish_rollout.core.schema.delta_rendering import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wish_rollout.rollout.inspection.environment_status import EnvironmentStatus

Environment = Annotated[
    str | None, typer.Argument(metavar="[ENV]", help="One environment; all of them by default.")
]
TARGET = "An environment's name, a postgresql:// URL, or a snapshot file."


def status(context: typer.Context, json: Json = False) -> None:
    """Show where every environment stands: verdict, revision, pending (exit 1 where one cannot be looked at)."""
    from wish_rollout.rollout.inspection.environment_status import read_environment_statuses

    project = load_project(context)
    statuses = read_environment_statuses(project, select_targets(project))
    if json:
        output.show_json({"head": list(project.release.head), "environments": output.as_json(statuses)})
    else:
        _show_standings(statuses)
    if not all(one.seen for one in statuses):
        raise typer.Exit(1)


def _show_standings(statuses: Sequence[EnvironmentStatus]) -> None:
    output.table(
        ["environment", "verdict", "revision", "pending", "server", "fingerprint"],
        [
            [
                one.environment,
                one.verdict.value,
                one.position,
                ", ".join(one.pending) or "-",
                one.seen.facts.version if one.seen else "-",
                one.seen.snapshot.fingerprint[:12] if one.seen else one.error,
            ]
            for one in statuses
        ],
    )
    for one in statuses:
        for name in one.assessment.unmanaged:
            output.say(f"unmanaged in {one.environment}: {visible(name)}")


def drift(
    context: typer.Context,
    environment: Environment = None,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL that takes ENV back to what is promised.")
    ] = False,
    lossy: Annotated[
        bool, typer.Option("--lossy", help="With --sql: write out what loses data, too.")
    ] = False,
    models: Annotated[
        bool, typer.Option("--models", help="Compare the declared schema as well, on a scratch database.")
    ] = False,
    json: Json = False,
) -> None:
    """Compare live schemas with what history promises for their revisions, and each other (exit 4 on drift)."""
    from wish_rollout.rollout.inspection.drift import read_drift_report

    if (sql and not environment) or (lossy and not sql):
        raise typer.BadParameter("--sql is for one environment, and --lossy goes with --sql")
    project = load_project(context)
    report = read_drift_report(project, select_targets(project, environment), models=models)
    if json:
        output.show_json(report.as_dict())
    elif sql:
        show_remedy(report, str(environment), lossy=lossy)
    else:
        show_drift(report)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help=TARGET)],
    b: Annotated[str, typer.Argument(metavar="B", help=TARGET)],
    json: Json = False,
) -> None:
    """Show what leads from schema A to schema B (exit 4 if they differ)."""
    from concurrent.futures import ThreadPoolExecutor

    targets = ComparisonTargets(load_optional_config(context), (a, b))
    targets.prepare()
    with ThreadPoolExecutor(2) as pool:  # two servers at work are as quick as one
        snapshots = pool.map(targets.read, targets.wanted)
        from wish_rollout.core.schema.comparison import difference  # while they work

        delta = difference(*snapshots)
    if json:
        output.show_json(delta.as_dict())
    else:
        output.show_delta(delta)
    if delta:
        raise typer.Exit(4)
    if not json:
        output.note("no difference")


def snapshot(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help=TARGET)],
    json: Json = False,  # noqa: ARG001  (it is JSON anyway, and all that reports takes it)
) -> None:
    """Print everything that the catalog says about a schema, as JSON that another day can be compared with."""
    import sys

    sys.stdout.write(ComparisonTargets(load_optional_config(context), (target,)).read(target).to_json())


def doctor(context: typer.Context, json: Json = False) -> None:
    """Look at everything that a rollout needs, and say what is missing."""
    from wish_rollout.rollout.inspection.doctor import run_doctor

    with output.progress("looking"):
        findings = run_doctor(load_project(context))
    if json:
        output.show_json(output.as_json(findings))
    else:
        for finding in findings:
            output.say(f"{'ok  ' if finding.passed else 'FAIL'}  {finding.name}: {finding.detail}")
    code = max((finding.exit_code for finding in findings), default=0)
    if code:
        raise typer.Exit(code)


def roles(
    context: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="An environment of rollout.toml.")],
    prefix: Annotated[str, typer.Option(help="What the roles' names begin with.", metavar="NAME")] = "wish",
    ledger: Annotated[bool, typer.Option("--ledger", help="There is a ledger already.")] = False,
) -> None:
    """Print SQL that makes three roles with no more rights than each needs: reader, migrator, owner."""
    from wish_rollout.postgres.records.roles import script
    from wish_rollout.postgres.sessions.connections import parse_url

    project = load_project(context)
    target = project.target(environment)
    database = str(parse_url(target.url, target.environment.source).get("dbname") or environment)
    output.say(script(database, prefix, project.config.release.version_table, ledger=ledger))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (status, drift, diff, snapshot, doctor, roles):
        app.command()(command)
