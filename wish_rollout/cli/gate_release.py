"""The option ``approve --ungated``, which releases a database from the gate that its ledger shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from wish_rollout.cli import output

if TYPE_CHECKING:
    from wish_rollout.rollout.approval.signing import SignerInput
    from wish_rollout.rollout.project.project import Project

Ungated = Annotated[
    bool,
    typer.Option(
        "--ungated",
        help="Record, signed, that this database may be changed without the gate that its ledger shows.",
    ),
]


def release_database(project: Project, environment: str, signer: SignerInput, *, json: bool) -> None:
    """Record in the ledger, signed, that the database may be changed without its gate, and print the row."""
    from wish_rollout.rollout.approval.request import current_requester
    from wish_rollout.rollout.execution.release_from_gate import release_from_gate

    who = current_requester(project.config.root)
    entry = release_from_gate(project, project.target(environment), who, signer)
    if json:
        output.show_json(entry.as_dict())
    else:
        output.write_note(f"recorded in row {entry.seq} of the ledger of {environment}: no gate")
