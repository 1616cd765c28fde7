"""The commands that only read: status, drift, diff, snapshot, doctor and roles."""

from __future__ import annotations

from typing import Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.comparison_targets import ComparisonTargets, load_optional_config
from wish_rollout.cli.drift_output import print_remedy, show_drift, show_remedy
from wish_rollout.cli.fleet_output import read_fleet_states, show_fleet_state, with_fleets
from wish_rollout.cli.options import JsonOption, load_project, select_fleets, select_single
from wish_rollout.cli.status_output import show_statuses
from wish_rollout.core.errors.fleets.rollouts import FleetNotSupported

Environment = Annotated[str | None, typer.Argument(metavar="[ENV]", help="One environment (default: all).")]
TARGET = "Name of an environment, a postgresql:// URL, or a snapshot file."


LossyOption = Annotated[
    bool, typer.Option("--lossy", help="With --sql: print statements that lose data as SQL, not as comments.")
]
RehearsalOption = Annotated[
    bool, typer.Option("--no-rehearsal", help="With --sql: do not run the SQL on a scratch database first.")
]


def status(context: typer.Context, environment: Environment = None, json: JsonOption = False) -> None:
    """Show verdict, revision and pending revisions of every environment (exit 1 if one cannot be read).

    The targets of a fleet are shown in groups with the same schema.
    """
    from wish_rollout.rollout.inspection.environment_status import read_environment_statuses

    project = load_project(context)
    statuses = read_environment_statuses(project, select_single(project, environment))
    fleets = read_fleet_states(project, select_fleets(project, environment), named=bool(environment))
    if json:
        found = {"head": list(project.release.head), "environments": output.dictionaries(statuses)}
        output.show_json(with_fleets(found, fleets))
    else:
        if statuses:
            show_statuses(statuses)
        for fleet in fleets:
            show_fleet_state(fleet, differences=True)
    if not all(each.state for each in statuses) or not all(fleet.is_read for fleet in fleets):
        raise typer.Exit(1)


def drift(
    context: typer.Context,
    environment: Environment = None,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL that restores the expected schema of ENV.")
    ] = False,
    lossy: LossyOption = False,
    no_rehearsal: RehearsalOption = False,
    models: Annotated[
        bool,
        typer.Option("--models", help="Also compare the models with the revisions, on a scratch database."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Compare live schemas with the expected schemas of their revisions and with each other (exit 4 on drift)."""
    from wish_rollout.rollout.inspection.drift import read_drift_report
    from wish_rollout.rollout.inspection.drift_remedies import rehearse_remedies

    if (sql and not environment) or ((lossy or no_rehearsal) and not sql):
        raise typer.BadParameter("--sql needs one environment; --lossy and --no-rehearsal need --sql")
    project = load_project(context)
    if sql and select_fleets(project, environment):
        raise FleetNotSupported(str(environment))
    report = read_drift_report(project, select_single(project, environment), models=models)
    fleets = read_fleet_states(project, select_fleets(project, environment), named=bool(environment))
    if sql and not no_rehearsal:
        report = rehearse_remedies(project, report)
    if json:
        output.show_json(with_fleets(report.as_dict(), fleets))
    elif sql:
        show_remedy(report, str(environment), lossy=lossy)
    else:
        show_drift(report)
        for fleet in fleets:
            show_fleet_state(fleet, differences=True)
    code = max([report.exit_code, *(fleet.drift_exit_code for fleet in fleets)])
    if code:
        raise typer.Exit(code)


def diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help=TARGET)],
    b: Annotated[str, typer.Argument(metavar="B", help=TARGET)],
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL that takes schema A to schema B.")
    ] = False,
    lossy: LossyOption = False,
    no_rehearsal: RehearsalOption = False,
    server_version: Annotated[
        int | None,
        typer.Option(metavar="MAJOR", help="With --sql: major version of the server that will run the SQL."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show the changes from schema A to schema B (exit 4 if they differ)."""
    from concurrent.futures import ThreadPoolExecutor

    if (lossy or no_rehearsal or server_version is not None) and not sql:
        raise typer.BadParameter("--lossy, --no-rehearsal and --server-version need --sql")
    targets = ComparisonTargets(load_optional_config(context), (a, b))
    targets.prepare()
    with ThreadPoolExecutor(2) as pool:  # read both at the same time
        snapshots = tuple(pool.map(targets.read, targets.targets))
        from wish_rollout.core.schema.comparison import difference  # imported while the servers work

        delta = difference(*snapshots)
    from wish_rollout.core.remedy.statements import Remedy

    if sql and delta:
        from wish_rollout.cli.diff_remedy import find_diff_remedy

        found = find_diff_remedy(targets, snapshots, server_version, is_rehearsed=not no_rehearsal)
        if json:
            output.show_json(found.as_dict())
        else:
            print_remedy(found, lossy=lossy)
    elif json:
        output.show_json(delta.as_dict() if not sql else Remedy().as_dict())
    else:
        output.show_delta(delta)
    if delta:
        raise typer.Exit(4)
    if not json:
        output.write_note("no difference")


def snapshot(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help=TARGET)],
    json: JsonOption = False,  # noqa: ARG001  (the output is always JSON; the option is accepted for uniformity)
) -> None:
    """Print the snapshot of a schema as JSON, to be compared later with diff."""
    import sys

    sys.stdout.write(ComparisonTargets(load_optional_config(context), (target,)).read(target).to_json())


def doctor(
    context: typer.Context,
    claim: Annotated[
        bool, typer.Option("--claim", help="Use the project's name in Dagster for this project from now on.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check everything that a rollout needs: configuration, scripts, servers, roles, keys and Dagster."""
    from wish_rollout.rollout.inspection.doctor import run_doctor

    with output.progress("checking"):
        findings = run_doctor(load_project(context), claim=claim)
    output.show_findings(findings, json=json)
    code = max((finding.exit_code for finding in findings), default=0)
    if code:
        raise typer.Exit(code)


def roles(
    context: typer.Context,
    environment: Annotated[
        str, typer.Argument(metavar="ENV", help="Name of an environment in rollout.toml.")
    ],
    prefix: Annotated[str, typer.Option(help="Prefix of the role names.", metavar="NAME")] = "wish",
    ledger: Annotated[bool, typer.Option("--ledger", help="The ledger exists already.")] = False,
) -> None:
    """Print SQL that creates the roles reader, migrator and owner with the privileges that each needs."""
    from wish_rollout.postgres.records.roles import role_script
    from wish_rollout.postgres.sessions.connections import parse_url

    project = load_project(context)
    target = project.target(environment)
    database = str(parse_url(target.url, target.environment.source).get("dbname") or environment)
    output.write_line(role_script(database, prefix, project.config.release.version_table, ledger=ledger))


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (status, drift, diff, snapshot, doctor, roles):
        app.command()(command)
