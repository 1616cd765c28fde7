"""When the internal triggers of a foreign key fire. Manual, ALTER TABLE, DISABLE TRIGGER."""

from __future__ import annotations

from wish_rollout.core.remedy.sql_syntax import dollar, literal
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import unquote_identifier

UNKNOWN_TRIGGERS = "its triggers fire in another way, and a snapshot does not have which of them"


def enable_triggers(name: str) -> str:
    """Return the statement by which all triggers of a foreign key fire by default; their names contain OIDs."""
    whole, own = split_last(name)
    constraint = f"conrelid = {literal(whole)}::regclass AND conname = {literal(unquote_identifier(own))}"
    text = (
        "DECLARE each record; BEGIN FOR each IN SELECT t.tgrelid::regclass AS relation, t.tgname AS own"  # noqa: S608 - quoted
        " FROM pg_trigger t JOIN pg_constraint c ON c.oid = t.tgconstraint"
        f" WHERE t.tgisinternal AND {constraint} LOOP"
        " EXECUTE format('ALTER TABLE %s ENABLE TRIGGER %I', each.relation, each.own); END LOOP; END"
    )
    return f"DO {dollar(text)}"
