"""The page of recovery: what a command reports about a database, and which command to run next; from the errors."""

from __future__ import annotations

import re

from docs.generator.markdown import code, document, prose, table
from wish_rollout.core.errors import (
    databases,
    execution,
    hazards,
    releases,
    statements,
    verification,
    version_tables,
)
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.errors.gate import approvals, ledger, requests
from wish_rollout.core.errors.planning import adoption, archives, base_schemas, drift, plans, rollbacks

SUBJECTS = {
    "The schema differs from the release": (drift, base_schemas, plans, verification, adoption),
    "The version table or the scripts": (version_tables, releases),
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
    "A copy in the same cluster (`CREATE DATABASE … TEMPLATE`)": (
        "It has a copy of the ledger, whose chain continues. Approvals of the original are not valid for it, because they "
        "name the database. Declare it as an environment of its own, gated like the original."
    ),
    "A physical copy (base backup, snapshot of a disk, promoted standby, blue/green)": (
        "It has a copy of the ledger, the name of the database and the system identifier of the cluster, so no server can "
        "tell it from the original. An approval that was not used before the copy was made counts for both: apply or "
        "reject pending requests first, and let the URL lead to one of them only."
    ),
    "A restored dump in another cluster": (
        "Approvals of the original are not valid for it, because the system identifier differs: request a new approval. "
        "The chain of the ledger continues."
    ),
    "A dump that the migrating role has restored (`pg_restore --no-owner`)": (
        "`wish-rollout apply` continues it."
    ),
    "A dump that an administrator has restored (`pg_restore --no-owner`)": (
        "The version table, the ledger and the tables belong to the administrator. `wish-rollout apply` names them one "
        "after another, with the SQL that an administrator runs; that of the tables is printed by "
        "`wish-rollout drift ENV --sql`."
    ),
    "A restored dump without the schema `wish_rollout`": (
        "The next `apply` creates a new ledger and records the baseline again."
    ),
    "A read replica": (
        "`status`, `drift` and `plan` read it. `apply` refuses it before any environment is changed: do not name it in "
        "rollout.toml. It is in step as soon as it has received the changes of its primary. When it is promoted, it is a "
        "physical copy."
    ),
    "A publisher of logical replication (`FOR ALL TABLES` or a list)": (
        "Publications are a part of the environment's baseline, and which tables they list is no drift. Schema changes are "
        "not replicated: migrate the subscribers first. `FOR ALL TABLES` publishes the version table and the ledger too: "
        "list the tables of the release instead if a subscriber is an environment."
    ),
    "A subscriber of logical replication": (
        "It is a database of its own: declare it as an environment, before the publisher. Its subscriptions are a part of "
        "its baseline, and no remedy drops them unless `--lossy` is used. `apply` refuses a subscription that fills its "
        "version table or its ledger, and names the SQL that leaves them out; a ledger that was copied before continues."
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
