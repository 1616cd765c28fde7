"""What every query of one read depends on: the schemas in scope, the roles, and the members of extensions."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.scope import MIGRATOR, Scope
from wish_rollout.postgres.queries import load_query

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

OWN_SCHEMAS = frozenset({"wish_rollout", "wish_rollout_archive"})
"""The schemas of the ledger and of the archives, which are no part of a project."""


@dataclass(frozen=True)
class ReadContext:
    """The context of one read.

    ``major``: the server's major version. ``roles``: OID → name. ``schemas``: the rows of schemas.sql that are
    in scope. ``queries_with_rows``: the optional queries that would return rows. ``members``: catalog → the OIDs
    of its objects that are members of extensions. ``depends``: catalog and OID → the extensions that the object
    is dropped with (ALTER … DEPENDS ON EXTENSION).
    """

    scope: Scope
    major: int
    migrator: str
    superuser: bool
    roles: Mapping[int, str]
    schemas: list[tuple[Any, ...]]
    schema_columns: list[str]
    queries_with_rows: frozenset[str]
    members: Mapping[str, list[int]]
    depends: Mapping[tuple[str, int], list[str]]

    def role(self, oid: int) -> str:
        """Return a role's name as a snapshot contains it. A role that no longer exists is shown by its OID."""
        if oid == 0:
            return "PUBLIC"
        return self.common_name(self.roles[oid]) if oid in self.roles else f"({oid})"

    def common_name(self, name: str) -> str:
        """Return the name of a role that all environments share (``roles`` in rollout.toml)."""
        if name == self.migrator:
            return MIGRATOR
        return self.scope.roles.get(name, '"PUBLIC"' if name == "PUBLIC" else name)

    def parameters(self) -> dict[str, list[Any]]:
        """Return the parameters of the catalog queries.

        The parameter with a catalog's name contains the OIDs of its objects that are members of an extension.
        """
        parameters = _Members(self.members)
        parameters["namespaces"] = [row[0] for row in self.schemas]
        parameters["namespace_names"] = [row[2] for row in self.schemas]
        return parameters

    def is_out_of_scope(self, name: str, part_of: str | None) -> bool:
        """Return whether the name of an object, or of the object that it is a part of, is out of scope."""
        if not self.scope.ignore:
            return self.scope.version_table in (name, part_of)
        return self._is_ignored(name) or (part_of is not None and self._is_ignored(part_of))

    def _is_ignored(self, name: str) -> bool:
        return name == self.scope.version_table or any(
            fnmatchcase(name, pattern) for pattern in self.scope.ignore
        )


def load_read_context(connection: psycopg.Connection, scope: Scope) -> ReadContext:
    """Read the context in one round trip. Raises psycopg's errors."""
    major = connection.info.server_version // 10000
    with connection.pipeline():
        session = connection.execute(
            "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
        )
        roles = connection.execute(load_query("roles", major))
        schemas = connection.execute(load_query("schemas", major))
        member_rows = connection.execute(load_query("members", major))
        present = connection.execute(load_query("present", major))
        current, superuser = session.fetchall()[0]
        members: dict[str, list[int]] = {}
        depends: dict[tuple[str, int], list[str]] = {}
        for catalog, oid, dependency_type, extension in member_rows:
            if dependency_type == "e":
                members.setdefault(catalog, []).append(oid)
            else:
                depends.setdefault((catalog, oid), []).append(extension)
        names = [column.name for column in schemas.description or ()]
        schema_name = names.index("_plain_name")
        return ReadContext(
            scope=scope,
            major=major,
            migrator=scope.migrator or current,
            superuser=superuser,
            roles=dict(roles),
            schemas=[row for row in schemas if _is_in_scope(row[schema_name], scope)],
            schema_columns=names,
            queries_with_rows=frozenset(present.fetchall()[0][0]),
            members=members,
            depends=depends,
        )


class _Members(dict[str, list[Any]]):
    """Returns an empty list for a catalog without members of extensions."""

    def __missing__(self, catalog: str) -> list[Any]:
        return []


def _is_in_scope(schema: str, scope: Scope) -> bool:
    return schema not in OWN_SCHEMAS and any(fnmatchcase(schema, pattern) for pattern in scope.schemas)
