"""Domains: the requirements of a domain for the values of its columns (manual, CREATE DOMAIN)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.schema.names import split_last
from wish_rollout.core.text.token_pattern import find_tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wish_rollout.core.schema.snapshot import Json, Snapshot


def domain_chain(snapshot: Snapshot, type_name: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """Yield a domain, as (name, properties), then the domains that it is based on; nothing for another type."""
    while (domain := snapshot.objects.get(("domain", type_name))) is not None:
        yield type_name, domain
        type_name = str(domain["type"])


def base_type(snapshot: Snapshot, type_name: str) -> str:
    """Return the type that a domain is finally based on, or the type itself if it is no domain."""
    for _, domain in domain_chain(snapshot, type_name):
        type_name = str(domain["type"])
    return type_name


def domain_checks(snapshot: Snapshot, type_name: str) -> Iterator[tuple[str, str]]:
    """Yield name and expression of the valid CHECK constraints of a domain and of those that it is based on."""
    domains = {name for name, _ in domain_chain(snapshot, type_name)}
    for name, properties in snapshot.of_kind("constraint") if domains else ():
        domain, constraint = split_last(name)
        if domain in domains and properties["type"] == "check" and "not valid" not in properties:
            yield constraint, str(properties["expression"])


def forbids_null(snapshot: Snapshot, type_name: str) -> bool:
    """Return whether a type is a domain that does not allow NULL."""
    return any(domain.get("not null") for _, domain in domain_chain(snapshot, type_name))


def domain_columns(snapshot: Snapshot, domain: str) -> Iterator[tuple[str, str]]:
    """Yield the columns, as (table, column), whose type is a domain or is based on it."""
    for name, properties in snapshot.of_kind("column"):
        if domain in (each for each, _ in domain_chain(snapshot, str(properties["type"]))):
            yield split_last(name)


def substitute_value(expression: str, value: str) -> str:
    """Return a domain's CHECK expression with ``value`` in place of the keyword VALUE."""
    tokens = (match[0] for match in find_tokens(expression))
    return "".join(value if word == "VALUE" else word for word in tokens)
