"""Domains: what a column of such a type has to meet (manual, CREATE DOMAIN)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.sql_tokens import WORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.schema.snapshot import Json, Snapshot


def chain(snapshot: Snapshot, kind: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Give the domain that a type is, and the domains that it stands on; nothing for another type."""
    while (domain := snapshot.objects.get(("domain", kind))) is not None:
        yield kind, domain
        kind = str(domain["type"])


def base(snapshot: Snapshot, kind: str) -> str:
    """Give the type that a domain's values are of in the end; another type is its own."""
    for _, domain in chain(snapshot, kind):
        kind = str(domain["type"])
    return kind


def checks(snapshot: Snapshot, kind: str) -> Iterator[tuple[str, str]]:
    """Give the valid CHECKs of a domain and of those that it stands on: name, and expression over VALUE."""
    owners = {name for name, _ in chain(snapshot, kind)}
    for name, properties in snapshot.of_kind("constraint") if owners else ():
        owner, last = split_last(name)
        if owner in owners and properties["type"] == "check" and "not valid" not in properties:
            yield last, str(properties["expression"])


def forbids_null(snapshot: Snapshot, kind: str) -> bool:
    """Whether a domain takes no NULL."""
    return any(domain.get("not null") for _, domain in chain(snapshot, kind))


def columns_of(snapshot: Snapshot, domain: str) -> Iterator[tuple[str, str]]:
    """Give the columns, as (table, column), of a domain or of one that stands on it."""
    for name, properties in snapshot.of_kind("column"):
        if domain in (each for each, _ in chain(snapshot, str(properties["type"]))):
            yield split_last(name)


def with_value(expression: str, value: str) -> str:
    """Write a domain's expression for a column: ``value`` stands where VALUE stood."""
    return "".join(value if word == "VALUE" else word for word in (m[0] for m in WORD.finditer(expression)))
