"""The page of recovery: what a command reports about a database, and which command to run next; from the errors."""

from __future__ import annotations

import re

from docs.generator.markdown import code, document, prose, table
from wish_rollout.core.errors import databases, execution, hazards, releases, statements, verification
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.gate import approvals, ledger, requests
from wish_rollout.core.errors.planning import adoption, archives, drift, plans, rollbacks

SUBJECTS = {
    "The schema differs from the release": (drift, plans, verification, adoption),
    "The version table or the scripts": (releases,),
    "The server or the session": (databases, statements),
    "The plan, its hazards and rows": (hazards, execution),
    "Rollbacks and their archives": (rollbacks, archives),
    "Approvals and the ledger": (approvals, requests, ledger),
}
INTRODUCTION = (
    "Each command that refuses to act prints a hint: the command to run next. This page lists the messages and the "
    "hints. `{names}` are filled in by the message. Words between other words are `…`."
)
COPIES = {
    "A copy (`CREATE DATABASE … TEMPLATE`, a base backup)": (
        "It has a copy of the ledger. Approvals of the original are not valid for it, because they name the database "
        "and the system identifier of the cluster. Declare it as an environment of its own."
    ),
    "A restored dump without the schema `wish_rollout`": (
        "The next `apply` creates a new ledger and records the baseline again."
    ),
    "A restored dump with other owners (`pg_restore --no-owner`)": (
        "Owners and privileges that differ are drift: `wish-rollout drift ENV --sql` prints the statements."
    ),
    "A cluster that replaces another one (blue/green)": (
        "Approvals of the old cluster are refused, because the system identifier differs: request a new approval."
    ),
    "A read replica": "`status`, `drift` and `plan` read it. `apply` refuses it before any environment is changed.",
    "A subscriber of logical replication": (
        "It is a database of its own, because schema changes are not replicated: declare it as an environment, before "
        "the publisher."
    ),
    "Two projects with two version tables in one database": (
        "Set `[scope] ignore` in each project, or the objects of the other one are drift, and its releases make requests "
        "void. Each has its own rows in the ledger and the journal, and approvals of one count only for it. If one has a "
        "gate, the other one must have a gate too."
    ),
}


def page() -> str:
    """Return the page."""
    parts = []
    for title, modules in SUBJECTS.items():
        errors = [each for module in modules for each in errors_of(module)]
        parts += [f"## {title}", table(["What I see", "What it means", "What I run"], map(row, errors))]
    copies = table(["Database", "Ledger, approvals, next step"], COPIES.items())
    return document("Recovery", INTRODUCTION, *parts, "## Copies, replicas and restored dumps", copies)


def errors_of(module: object) -> list[type[RolloutError]]:
    """Return the errors of a module that have a message and a hint, in the order of the file."""
    return [
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, RolloutError)
        and each.__module__ == module.__name__  # type: ignore[attr-defined]
        and getattr(each, "summary", "")
        and each.hint
    ]


def row(error: type[RolloutError]) -> list[str]:
    """Return a row: the message, the meaning, and the commands."""
    return [plain(error.summary), prose(error.__doc__).split("\n", maxsplit=1)[0], commands(error.hint)]


def plain(template: str) -> str:
    """Return a message in which each field is shown by its name."""
    return code(re.sub(r"\{(\w+)[^{}]*\}", r"{\1}", template).replace("`", "'").replace("\n", " "))


def commands(hint: str) -> str:
    """Return a hint with its commands as code spans."""
    text = " ".join(re.sub(r"\{(\w+)[^{}]*\}", r"{\1}", hint).split())
    return re.sub(r"(wish-rollout [^;,()]*[^;,().\s])", r"`\1`", text.replace("<", "&lt;"))
