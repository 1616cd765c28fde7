"""Checks that ``wish_rollout.ledger`` is the table that this program created, with its triggers, owner and rights.

A view, a foreign table, a rule, a policy or a disabled trigger in its place could hide, change or invent rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.errors.gate.ledger import LedgerTampered
from wish_rollout.postgres.records.ledger import exists
from wish_rollout.postgres.records.ledger_definition import (
    COLUMNS,
    CONSTRAINTS,
    FUNCTIONS,
    RELATION,
    TRIGGERS,
    with_single_spaces,
)
from wish_rollout.postgres.sessions.read_transaction import lock_timeout_transaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import psycopg

KINDS = {
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
    "p": "partitioned table",
    "S": "sequence",
}
RESTORE = "restore wish_rollout.ledger from a backup, or let an administrator rename it and keep its rows"


def refuse_altered_ledger(connection: psycopg.Connection[Any], environment: str) -> None:
    """Raise LedgerTampered if the ledger is not as this program creates it; do nothing if there is none.

    ``environment``: its name, for errors.
    """
    for fault, remedy in read_ledger_faults(connection):
        raise LedgerTampered(environment, fault, remedy)


def read_ledger_faults(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Return how the ledger differs from the one that this program creates, each with the SQL or step that corrects it.

    The catalog is compared (PostgreSQL manual, 53 System Catalogs), so no privilege on the ledger is needed.
    """
    if not exists(connection):
        return []
    with lock_timeout_transaction(connection):
        row = connection.execute(RELATION).fetchone()
    return list(_find_faults(row[0])) if row else []


def _find_faults(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if found["kind"] != "r":
        yield f"it is a {KINDS.get(found['kind'], 'relation of another kind')}, not a table", RESTORE
        return
    if found["persistence"] != "p":
        yield (
            "it is unlogged, so a crash would empty it",
            "as its owner: ALTER TABLE wish_rollout.ledger SET LOGGED",
        )
    if found["inherits"]:
        yield (
            "it is part of an inheritance tree",
            "as its owner: ALTER TABLE … NO INHERIT wish_rollout.ledger",
        )
    if found["rules"]:
        yield "it has rules", "as its owner: DROP RULE … ON wish_rollout.ledger (see \\d wish_rollout.ledger)"
    if found["row_security"]:
        yield (
            "row security is enabled, or it has policies, so rows can be hidden",
            "as its owner: ALTER TABLE wish_rollout.ledger DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
        )
    if tuple(found["columns"] or ()) != COLUMNS:
        yield "its columns differ", RESTORE
    if sorted(found["constraints"] or ()) != CONSTRAINTS or not found["indexes_valid"]:
        yield "its constraints differ: " + "; ".join(sorted(found["constraints"] or ["none"])), RESTORE
    yield from _find_trigger_faults(found)
    yield from _find_right_faults(found)


def _find_trigger_faults(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    triggers: Mapping[str, str] = found["triggers"] or {}
    if disabled := [name.split()[2] for name, state in triggers.items() if state not in ("O", "A")]:
        remedy = "as its owner: ALTER TABLE wish_rollout.ledger ENABLE TRIGGER ALL"
        yield (
            f"the trigger {disabled[0]} is disabled",
            f"{remedy}; then check the rows: wish-rollout log --verify",
        )
    if set(triggers) != TRIGGERS:
        names = ", ".join(sorted(name.split()[2] for name in set(triggers) ^ TRIGGERS))
        yield f"its triggers differ: {names}", RESTORE
    functions = found["functions"] or {}
    for name, source in FUNCTIONS.items():
        text, language, is_definer, settings, has_owner = functions.get(name) or ("", "", False, None, True)
        expected = (source, "plpgsql", False, ["search_path=pg_catalog"])
        if (with_single_spaces(text), language, is_definer, settings) != expected:
            yield f"the function {name}() of its trigger was replaced", RESTORE
        if not has_owner:
            yield (
                f"the function {name}() has another owner",
                f"as a superuser: ALTER FUNCTION wish_rollout.{name}() OWNER TO {found['owner']}",
            )


def _find_right_faults(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if not found["owner_is_trusted"]:
        yield (
            f"its owner is the login role {found['owner']}, which can rewrite it",
            f'as a superuser: ALTER TABLE wish_rollout.ledger OWNER TO "{found["me"]}"; or: wish-rollout roles',
        )
    if found["rights"]:
        right, _, grantee = found["rights"][0].partition(" to ")
        yield (
            f"{grantee} has the privilege {right} on it",
            f"as its owner: REVOKE {right} ON wish_rollout.ledger FROM {grantee}",
        )
    if not found["schema_owner_is_trusted"]:
        yield (
            f"the owner of its schema is the login role {found['schema_owner']}, which can drop it",
            f'as a superuser: ALTER SCHEMA wish_rollout OWNER TO "{found["owner"]}"; or: wish-rollout roles',
        )
    for creator in found["creators"] or ():
        yield (
            f"{creator} may create objects in the schema wish_rollout",
            f"as its owner: REVOKE CREATE ON SCHEMA wish_rollout FROM {creator}",
        )
