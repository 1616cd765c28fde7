"""What is read first and all else needs: schemas in scope, roles, and what extensions own."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from wish_rollout.core.schema.scope import MIGRATOR, Scope
from wish_rollout.postgres.queries import query

if TYPE_CHECKING:
    from collections.abc import Mapping

    import psycopg

LEDGER_SCHEMA = "wish_rollout"


@dataclass(frozen=True)
class ReadContext:
    """The frame of one read. ``schemas`` are the rows of schemas.sql that are in scope.

    ``present``: the queries that will find anything.
    ``members``: catalog → what extensions own. ``depends``: catalog and number → extensions that an object is
    dropped with.
    """

    scope: Scope
    major: int
    migrator: str
    superuser: bool
    roles: Mapping[int, str]
    schemas: list[tuple[Any, ...]]
    schema_columns: list[str]
    present: frozenset[str]
    members: Mapping[str, list[int]]
    depends: Mapping[tuple[str, int], list[str]]

    def role(self, oid: int) -> str:
        """Give a role's name as a snapshot has it; one that is gone is told by its number."""
        if oid == 0:
            return "PUBLIC"
        return self.common(self.roles[oid]) if oid in self.roles else f"({oid})"

    def common(self, name: str) -> str:
        """Give the common name of a role."""
        if name == self.migrator:
            return MIGRATOR
        return self.scope.roles.get(name, '"PUBLIC"' if name == "PUBLIC" else name)

    def parameters(self) -> dict[str, list[Any]]:
        """Give the parameters that the catalog's queries take.

        By a catalog's name: the numbers of those of its objects that an extension owns.
        """
        parameters = _Members(self.members)
        parameters["namespaces"] = [row[0] for row in self.schemas]
        parameters["namespace_names"] = [row[2] for row in self.schemas]
        return parameters

    def is_out_of_scope(self, name: str, table: str | None) -> bool:
        """Tell whether an object, or the table that it belongs to, is out of scope by its name."""
        if not self.scope.ignore:
            return self.scope.version_table in (name, table)
        return self._ignored(name) or (table is not None and self._ignored(table))

    def _ignored(self, name: str) -> bool:
        return name == self.scope.version_table or any(
            fnmatchcase(name, pattern) for pattern in self.scope.ignore
        )


def load_read_context(connection: psycopg.Connection, scope: Scope) -> ReadContext:
    """Read the frame, in one round trip."""
    major = connection.info.server_version // 10000
    with connection.pipeline():
        me = connection.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        roles = connection.execute(query("roles", major))
        schemas = connection.execute(query("schemas", major))
        owned = connection.execute(query("members", major))
        present = connection.execute(query("present", major))
        current, superuser = me.fetchall()[0]
        members: dict[str, list[int]] = {}
        depends: dict[tuple[str, int], list[str]] = {}
        for catalog, oid, kind, extension in owned:
            if kind == "e":
                members.setdefault(catalog, []).append(oid)
            else:
                depends.setdefault((catalog, oid), []).append(extension)
        plain = [column.name for column in schemas.description or ()].index("_plain_name")
        inside = [row for row in schemas if _in_scope(row[plain], scope)]
        names = [column.name for column in schemas.description or ()]
        return ReadContext(
            scope=scope,
            major=major,
            migrator=scope.migrator or current,
            superuser=superuser,
            roles=dict(roles),
            schemas=inside,
            schema_columns=names,
            present=frozenset(present.fetchall()[0][0]),
            members=members,
            depends=depends,
        )


class _Members(dict[str, list[Any]]):
    """No members where extensions own none."""

    def __missing__(self, catalog: str) -> list[Any]:
        return []


def _in_scope(schema: str, scope: Scope) -> bool:
    return schema != LEDGER_SCHEMA and any(fnmatchcase(schema, pattern) for pattern in scope.schemas)
