"""Foreign-data wrappers, servers and user mappings. Manual, CREATE SERVER. Secrets are in no snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.role_names import UnknownRole
from wish_rollout.core.remedy.sql_syntax import identifier, literal, without_arguments
from wish_rollout.core.remedy.sql_syntax import options as changed_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props
    from wish_rollout.core.schema.snapshot import Key

HIDDEN = "(hidden)"


def option_list(draft: Draft, kind: str, name: str, values: Mapping[str, str]) -> str:
    """Return the OPTIONS clause; a secret is reported as not covered."""
    _report_secrets(draft, kind, name, values)
    shown = [f"{identifier(key)} {literal(value)}" for key, value in values.items() if value != HIDDEN]
    return f" OPTIONS ({', '.join(shown)})" if shown else ""


def alter_options(  # noqa: PLR0913, PLR0917 - one statement has that many parts
    draft: Draft, kind: str, name: str, target: str, pairs: Pairs, key: str = "options"
) -> list[str]:
    """Return the statement that changes options, without secrets."""
    if key not in pairs:
        return []
    before, after = (pair or {} for pair in pairs.pop(key))
    _report_secrets(
        draft, kind, name, {own: value for own, value in after.items() if before.get(own) != value}
    )
    known = {own: value for own, value in after.items() if value != HIDDEN or own in before}
    return changed_options(
        target, before, {**known, **{own: HIDDEN for own in known if before.get(own) == HIDDEN}}
    )


def _report_secrets(draft: Draft, kind: str, name: str, values: Mapping[str, str]) -> None:
    for key, value in values.items():
        if value == HIDDEN:
            draft.gap(kind, name, f"the value of its option {key} is secret, so no snapshot has it")


def has_secrets(draft: Draft, key: Key) -> bool:
    """Return whether an object has options whose values are in no snapshot, so that it cannot be created again."""
    found = (objects.get(key, {}) for objects in (draft.live, draft.target))
    names = ("options", "mapping options")
    return any(HIDDEN in (each.get(name) or {}).values() for each in found for name in names)


def create_wrapper(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a foreign-data wrapper."""
    text = f"CREATE FOREIGN DATA WRAPPER {name}"
    for key in ("handler", "validator"):
        if key in properties:
            text += f" {key.upper()} {without_arguments(properties.pop(key))}"
    return [text + option_list(draft, "foreign data wrapper", name, properties.pop("options", {}))]


def alter_wrapper(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Change a wrapper's functions and options."""
    target = f"ALTER FOREIGN DATA WRAPPER {name}"
    made = []
    for key in ("handler", "validator"):
        if key in pairs:
            after = pairs.pop(key)[1]
            made.append(
                f"{target} {f'{key.upper()} {without_arguments(after)}' if after else f'NO {key.upper()}'}"
            )
    return made + alter_options(draft, "foreign data wrapper", name, target, pairs)


def create_server(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a foreign server."""
    text = f"CREATE SERVER {name}"
    for key in ("type", "version"):
        if key in properties:
            text += f" {key.upper()} {literal(properties.pop(key))}"
    text += f" FOREIGN DATA WRAPPER {properties.pop('foreign data wrapper')}"
    return [text + option_list(draft, "server", name, properties.pop("options", {}))]


def alter_server(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Change a server's version and options."""
    made = []
    if "version" in pairs:
        made.append(f"ALTER SERVER {name} VERSION {literal(pairs.pop('version')[1])}")
    return made + alter_options(draft, "server", name, f"ALTER SERVER {name}", pairs)


def server_is_rebuilt(_draft: Draft, _name: str, pairs: Pairs) -> bool:
    """Return whether no statement changes a server like that: no version can be taken away."""
    return bool({"type", "foreign data wrapper"} & pairs.keys()) or pairs.get("version", ("", ""))[1] is None


def create_mapping(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a user mapping."""
    target = _mapping(draft, name)
    values = properties.pop("mapping options", {})
    return [f"CREATE {target}{option_list(draft, 'user mapping', name, values)}"] if target else []


def alter_mapping(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Change a user mapping's options."""
    target = _mapping(draft, name)
    return (
        alter_options(draft, "user mapping", name, f"ALTER {target}", pairs, "mapping options")
        if target
        else []
    )


def drop_mapping(draft: Draft, name: str) -> list[str]:
    """Drop a user mapping."""
    target = _mapping(draft, name)
    return [f"DROP {target}"] if target else []


def _mapping(draft: Draft, name: str) -> str:
    role, server = name.removeprefix("FOR ").rsplit(" SERVER ", 1)
    try:
        return f"USER MAPPING FOR {draft.roles.sql(role)} SERVER {server}"
    except UnknownRole as error:
        draft.gap("user mapping", name, str(error))
        return ""


_BESIDE = frozenset({"owner", "privileges", "comment"})
WRAPPER = Writer(2, create_wrapper, alter_wrapper, frozenset({"handler", "validator", "options", *_BESIDE}))
SERVER = Writer(3, create_server, alter_server, is_rebuilt=server_is_rebuilt)
MAPPING = Writer(4, create_mapping, alter_mapping, rebuilds=False)
