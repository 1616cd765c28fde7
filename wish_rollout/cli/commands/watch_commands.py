"""The commands watch install and watch uninstall, which record who changes a schema."""

from __future__ import annotations

from typing import Annotated

import typer

from wish_rollout.cli import output
from wish_rollout.cli.options import EnvironmentName, load_project

app = typer.Typer(
    help="Record DDL in an environment by event triggers, so that drift shows who has changed what.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
SqlOption = Annotated[bool, typer.Option("--sql", help="Only print the SQL, for a superuser to run.")]


@app.command()
def install(context: typer.Context, environment: EnvironmentName, sql: SqlOption = False) -> None:
    """Create event triggers that record role, time, application, command tag and object of each DDL statement."""
    from wish_rollout.postgres.records.ddl_log import INSTALL, install_ddl_log

    project = load_project(context)
    project.config.find_environment(environment)
    if sql:
        output.write_line(INSTALL.rstrip())
        return
    with project.target(environment).connect() as connection:
        install_ddl_log(connection, environment)
    output.write_note(f"DDL in {environment} is recorded in wish_rollout.ddl_log; drift shows it")


@app.command()
def uninstall(context: typer.Context, environment: EnvironmentName, sql: SqlOption = False) -> None:
    """Drop the event triggers, and the table with its rows."""
    from wish_rollout.postgres.records.ddl_log import UNINSTALL, uninstall_ddl_log

    project = load_project(context)
    project.config.find_environment(environment)
    if sql:
        output.write_line(UNINSTALL.rstrip())
        return
    with project.target(environment).connect() as connection:
        uninstall_ddl_log(connection, environment)
    output.write_note(f"DDL in {environment} is not recorded any more")
