"""The commands requests and log, which show open requests and the ledger of a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wish_rollout.cli import output
from wish_rollout.cli.options import EnvironmentName, JsonOption, load_project
from wish_rollout.cli.signing_prompts import PLAN_SEPARATOR, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.defs.gate.approval_events import RecordedRequest
    from wish_rollout.rollout.approval.approval_progress import ApprovalProgress
    from wish_rollout.rollout.project.project import Project


def requests(
    context: typer.Context,
    environment: Annotated[
        str | None, typer.Argument(metavar="[ENV]", help="One environment (default: all gated ones).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the newest valid request and its plan to a file, to be signed elsewhere.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the requests that wait for an approval."""
    from wish_rollout.core.errors.gate.requests import NoApprovalRequest
    from wish_rollout.defs.runs.instance import open_instance

    project = load_project(context)
    if environment:
        project.config.find_environment(environment)
    names = [environment] if environment else [env.name for env in project.config.environments if env.gated]
    with open_instance(project.config) as instance:
        found = [each for name in names for each in read_progress(project, instance, name)]
    if out and not found:
        raise NoApprovalRequest(environment or ", ".join(names))
    if out:
        newest = next((entry for entry, progress in found if not progress.void_reason), found[0][0])
        write_file(out, f"{newest.request.text()}{PLAN_SEPARATOR}{newest.markdown}")
    if json:
        output.show_json([{**entry.as_dict(), **progress.as_dict()} for entry, progress in found])
    elif found and not out:
        for entry, progress in found:
            output.write_line(f"{entry.request.text()}{progress}\n")
    elif not found:
        output.write_note("no request waits for an approval")


def read_progress(
    project: Project, instance: Any, name: str
) -> Iterator[tuple[RecordedRequest, ApprovalProgress]]:
    """Yield the open requests of an environment with their progress.

    A request whose ID is in the ledger is done. If the ledger cannot be read, all requests are returned.
    """
    from wish_rollout.defs.gate import approval_store
    from wish_rollout.rollout.approval.approval_progress import read_approval_progress, unused_requests

    entries = approval_store.read_open_requests(instance, name, project.config.project.name)
    documents = approval_store.read_approval_documents(instance, name, project.config.project.name)
    unused = unused_requests(project, name, [entry.request for entry in entries]) if entries else []
    for entry in entries:
        if unused is None or entry.request in unused:
            yield (
                entry,
                read_approval_progress(project, entry.request, documents, read_database=unused is not None),
            )


def log(
    context: typer.Context,
    environment: EnvironmentName,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Verify the hash chain of the ledger (exit 5 if a row was changed)."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show the ledger of an environment: every change by this project, with the operator and the approvers."""
    from wish_rollout.core.ledger import rows_of, verify_chain
    from wish_rollout.postgres.records.ledger import read as read_ledger
    from wish_rollout.postgres.records.ledger_integrity import refuse_altered_ledger

    project = load_project(context)
    target = project.target(environment)
    with target.connect() as connection:
        entries = list(read_ledger(connection))
        if verify:
            refuse_altered_ledger(connection, environment)
    if verify and json:
        verify_chain(environment, entries)  # before printing: stdout holds one JSON document
    own = rows_of(entries, target.scope.version_table)
    if json:
        output.show_json(output.dictionaries(own))
    else:
        output.write_table(
            ["#", "at", "act", "from", "to", "who", "approved by", "ms", "run"],
            [
                [
                    str(entry.seq),
                    entry.at[:19],
                    entry.act.act + (" BREAK GLASS" if "BREAK GLASS" in entry.act.detail else ""),
                    entry.act.start,
                    entry.act.end,
                    entry.act.who,
                    ", ".join(each["approver"] for each in entry.act.detail.get("approvals", [])) or "-",
                    str(entry.act.milliseconds),
                    entry.act.run[:8] or "-",
                ]
                for entry in own
            ],
        )
    if verify and not json:
        verify_chain(environment, entries)
    if verify:
        last = entries[-1].hash if entries else "none"
        output.write_note(f"the hash chain of {len(entries)} rows is valid; its last hash is {last}")


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    for command in (requests, log):
        app.command()(command)
