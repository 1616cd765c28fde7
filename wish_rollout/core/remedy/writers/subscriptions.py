"""Subscriptions, as far as no connection to the publisher is needed. Manual, ALTER SUBSCRIPTION."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.sql_syntax import identifier, literal
from wish_rollout.core.text.sql_tokens import unquote_identifier

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

_NO_SLOT = "(none)"
_FLAGS = {
    "binary": ("binary", "true", "false"),
    "disable on error": ("disable_on_error", "true", "false"),
    "no password required": ("password_required", "false", "true"),
    "run as owner": ("run_as_owner", "true", "false"),
}


def create(draft: Draft, name: str, _properties: Props) -> list[str]:
    """Return nothing: a subscription without its connection cannot be created."""
    draft.gap("subscription", name, reason_not_created(draft, name))
    return []


def reason_not_created(_draft: Draft, _name: str) -> str:
    """Return why a subscription cannot be created."""
    return "no snapshot has its connection string, which can contain a password"


def reason_kept(draft: Draft, name: str, pairs: Pairs) -> str:
    """Return why a subscription cannot be dropped or changed like that; empty where it can."""
    live = draft.live["subscription", name]
    if ("subscription", name) not in draft.target and live.get("slot") != _NO_SLOT:
        return "no transaction can drop its replication slot on the publisher"
    if {"two phase", "failover"} & pairs.keys():
        return "its two_phase and failover options are changed on the publisher as well, outside of a transaction"
    if pairs.get("slot", (None, None))[1] == _NO_SLOT and not draft.target["subscription", name].get(
        "disabled"
    ):
        return "a subscription without a slot cannot be enabled"
    return ""


def alter(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Return the statements that change options, publications, and whether a subscription is enabled."""
    target = f"ALTER SUBSCRIPTION {name}"
    before, after = pairs.pop("disabled", (None, None))
    made = [f"{target} DISABLE"] if after and not before else []
    if "publications" in pairs:
        names = ", ".join(identifier(each) for each in pairs.pop("publications")[1])
        made.append(f"{target} SET PUBLICATION {names} WITH (refresh = false)")
    if options := _options(draft, name, pairs):
        made.append(f"{target} SET ({', '.join(options)})")
    if "skip" in pairs:
        lsn = pairs.pop("skip")[1]
        made.append(f"{target} SKIP (lsn = {literal(lsn) if lsn else 'NONE'})")
    return [*made, f"{target} ENABLE"] if before and not after else made


def _options(draft: Draft, name: str, pairs: Pairs) -> list[str]:
    made = [
        f"{option} = {yes if pairs.pop(key)[1] else no}"
        for key, (option, yes, no) in _FLAGS.items()
        if key in pairs
    ]
    defaults: dict[str, tuple[str, Any]] = {
        "streaming": ("streaming", "parallel" if draft.major >= 18 else "off"),
        "synchronous commit": ("synchronous_commit", "off"),
        "origin": ("origin", "any"),
        "slot": ("slot_name", unquote_identifier(name)),
    }
    for key, (option, usual) in defaults.items():
        if key in pairs:
            after = pairs.pop(key)[1] or usual
            made.append(f"{option} = {'NONE' if after == _NO_SLOT else literal(after)}")
    return made


WRITER = Writer(19, create, alter, rebuilds=False, reason=reason_not_created)
