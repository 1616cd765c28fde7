"""Commands that show what is kept: requests that wait, and what a database's ledger holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wish_rollout.cli import output
from wish_rollout.cli.options import Json, Name, load_project
from wish_rollout.cli.signing_prompts import BESIDE, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wish_rollout.defs.gate.approval_events import RowRequirement
    from wish_rollout.rollout.approval.approval_progress import ApprovalProgress
    from wish_rollout.rollout.project.project import Project


def requests(
    context: typer.Context,
    environment: Annotated[str | None, typer.Argument(metavar="[ENV]", help="One environment.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the newest one that stands, and its plan, to be signed elsewhere."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """List what waits for an approval."""
    from wish_rollout.core.errors.requests import NoApprovalRequest
    from wish_rollout.defs.runs.instance import open_instance

    project = load_project(context)
    if environment:
        project.config.declared(environment)
    names = [environment] if environment else [env.name for env in project.config.environments if env.gated]
    with open_instance(project.config) as instance:
        found = [each for name in names for each in waiting(project, instance, name)]
    if out and not found:
        raise NoApprovalRequest(environment or ", ".join(names))
    if out:
        asked = next((asked for asked, state in found if not state.against), found[0][0])
        write(out, f"{asked.request.text()}{BESIDE}{asked.markdown}")
    if json:
        output.show_json([{**asked.as_dict(), **state.as_dict()} for asked, state in found])
    elif found and not out:
        for asked, state in found:
            output.say(f"{asked.request.text()}{state}\n")
    elif not found:
        output.note("nothing waits for an approval")


def waiting(project: Project, instance: Any, name: str) -> Iterator[tuple[RowRequirement, ApprovalProgress]]:
    """Give what waits for an environment, and how far it is; all of it where its ledger cannot be read."""
    from wish_rollout.defs.gate import approval_store
    from wish_rollout.rollout.approval.approval_progress import progress, unused

    asks = approval_store.requests(instance, name)
    documents = approval_store.documents(instance, name)
    known = unused(project, name, [asked.request for asked in asks]) if asks else []
    for asked in asks:
        if known is None or asked.request in known:
            yield asked, progress(project, asked.request, documents, look=known is not None)


def log(
    context: typer.Context,
    environment: Name,
    verify: Annotated[
        bool, typer.Option("--verify", help="Prove that no row was changed (exit 5 if one was).")
    ] = False,
    json: Json = False,
) -> None:
    """Show what was done to an environment, as its own ledger has it."""
    from wish_rollout.core.ledger import verify as prove
    from wish_rollout.postgres.records.ledger import read as read_ledger

    project = load_project(context)
    with project.target(environment).connect() as connection:
        entries = list(read_ledger(connection))
    if verify and json:
        prove(environment, entries)  # before they are printed: what is printed is one document
    if json:
        output.show_json(output.as_json(entries))
    else:
        output.table(
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
                for entry in entries
            ],
        )
    if verify and not json:
        prove(environment, entries)
    if verify:
        last = entries[-1].hash if entries else "none"
        output.note(f"the chain of {len(entries)} rows holds; its last hash is {last}")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (requests, log):
        app.command()(command)
