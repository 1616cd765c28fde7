"""Comments. Manual, COMMENT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.sql_syntax import dollar, literal, spelled
from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs

PUBLIC_SCHEMA = ("schema", "public")


def comment(draft: Draft, kind: str, name: str, pairs: Pairs) -> list[str]:
    """Return the statements that set or remove the comment of an object, and of the index behind a constraint."""
    made = []
    if "index comment" in pairs:
        index = f"{split_last(split_last(name)[0])[0]}.{split_last(name)[1]}"
        made.append(_says(f"INDEX {index}", pairs.pop("index comment")[1]))
    if "comment" not in pairs:
        return made
    _, after = pairs.pop("comment")
    if after is None and (kind, name) == PUBLIC_SCHEMA:
        after = "standard public schema"
    elif after is None and kind == "extension":
        return [*made, _original_comment(name)]
    domain = kind == "constraint" and ("domain", split_last(name)[0]) in {**draft.live, **draft.target}
    return [*made, _says(spelled(kind, name, domain=domain), after)]


def _says(target: str, text: str | None) -> str:
    return f"COMMENT ON {target} IS {literal(text) if text else 'NULL'}"


def _original_comment(extension: str) -> str:
    """Return the statement that gives an extension the comment of its control file."""
    own = literal(unquote_identifier(extension))
    found = f"SELECT comment FROM pg_available_extensions WHERE name = {own}"  # noqa: S608 - quoted
    text = f"BEGIN EXECUTE format('COMMENT ON EXTENSION %I IS %L', {own}, ({found})); END"
    return f"DO {dollar(text)}"
