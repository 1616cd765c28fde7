"""Schemas, extensions, default privileges, event triggers and publications. Manual, CREATE SCHEMA and the others."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wish_rollout.core.remedy.draft import Writer
from wish_rollout.core.remedy.graph.schema_index import parents_of
from wish_rollout.core.remedy.role_names import UnknownRole
from wish_rollout.core.remedy.sql_syntax import literal
from wish_rollout.core.remedy.writers.privileges import grants, with_maintain

if TYPE_CHECKING:
    from wish_rollout.core.remedy.draft import Draft, Pairs
    from wish_rollout.core.remedy.sql_syntax import Props

_DEFAULTS = re.compile(r"FOR ROLE (.*?)( IN SCHEMA .*)? ON ([A-Z ]+)", re.DOTALL)
_FIRES = {None: "ENABLE", "disabled": "DISABLE", "replica": "ENABLE REPLICA", "always": "ENABLE ALWAYS"}
_PUBLIC_MAY = {"FUNCTIONS": ["EXECUTE"], "TYPES": ["USAGE"]}


def create_schema(_draft: Draft, name: str, _properties: Props) -> list[str]:
    """Create a schema."""
    return [f"CREATE SCHEMA {name}"]


def create_extension(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create an extension, in the version that the server has by default unless one is pinned."""
    text = f"CREATE EXTENSION {name} SCHEMA {properties.pop('schema')}"
    properties.pop("installed version", None)
    if "version" in properties:
        text += f" VERSION {literal(properties.pop('version'))}"
    return [text]


def alter_extension(_draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Move an extension, or update it."""
    made = []
    pairs.pop("installed version", None)
    if "schema" in pairs:
        made.append(f"ALTER EXTENSION {name} SET SCHEMA {pairs.pop('schema')[1]}")
    if "version" in pairs and pairs["version"][1] is not None:
        made.append(f"ALTER EXTENSION {name} UPDATE TO {literal(pairs.pop('version')[1])}")
    return made


def default_privileges(draft: Draft, name: str, before: Props, after: Props) -> list[str]:
    """Lead from one set of default privileges to another; an empty one is the built-in."""
    match = _DEFAULTS.fullmatch(name)
    if match is None:
        draft.gap("default privileges", name, "its name cannot be read")
        return []
    owner, inside, what = match[1], match[2] or "", match[3]
    usual = {} if inside else {owner: ["ALL"], "PUBLIC": _PUBLIC_MAY.get(what, [])}
    made = []
    if owner in after and what == "TABLES":
        after = {**after, owner: with_maintain(after[owner], draft.major)}
    try:
        start = f"ALTER DEFAULT PRIVILEGES FOR ROLE {draft.roles.sql(owner)}{inside}"
        for label in sorted({*before, *after}):
            if before.get(label) != after.get(label):
                role = draft.roles.sql(label)
                made.append(f"{start} REVOKE ALL ON {what} FROM {role}")
                words = after.get(label, usual.get(label, []))
                made += [f"{start} {text}" for text in grants(words, f"ON {what} TO {role}")]
    except UnknownRole as error:
        draft.gap("default privileges", name, str(error))
    return made


def create_event_trigger(_draft: Draft, name: str, properties: Props) -> list[str]:
    """Create an event trigger; only a superuser may."""
    text = f"CREATE EVENT TRIGGER {name} ON {properties.pop('event')}"
    if "tags" in properties:
        text += f" WHEN TAG IN ({', '.join(literal(tag) for tag in properties.pop('tags'))})"
    made = [f"{text} EXECUTE FUNCTION {properties.pop('function')}"]
    if "enabled" in properties:
        made.append(f"ALTER EVENT TRIGGER {name} {_FIRES[properties.pop('enabled')]}")
    return made


def alter_event_trigger(_draft: Draft, name: str, pairs: Pairs) -> list[str]:
    """Set when it fires."""
    if "enabled" not in pairs:
        return []
    return [f"ALTER EVENT TRIGGER {name} {_FIRES[pairs.pop('enabled')[1]]}"]


def create_publication(draft: Draft, name: str, properties: Props) -> list[str]:
    """Create a publication."""
    objects = []
    for table, what in (properties.pop("tables", None) or {}).items():
        columns = f" ({', '.join(what['columns'])})" if "columns" in what else ""
        where = f" WHERE ({what['where']})" if "where" in what else ""
        only = "ONLY " if any(table in parents_of(each) for each in draft.target.values()) else ""
        objects.append(f"TABLE {only}{table}{columns}{where}")
    objects += [f"TABLES IN SCHEMA {schema}" for schema in properties.pop("schemas", None) or ()]
    text = f"CREATE PUBLICATION {name}"
    if properties.pop("all tables", None):
        text += " FOR ALL TABLES"
    elif objects:
        text += f" FOR {', '.join(objects)}"
    words = []
    if "publish" in properties:
        words.append(f"publish = {literal(properties.pop('publish'))}")
    if properties.pop("via partition root", None):
        words.append("publish_via_partition_root = true")
    if "generated columns" in properties:
        words.append(f"publish_generated_columns = {properties.pop('generated columns')}")
    return [text + (f" WITH ({', '.join(words)})" if words else "")]


SCHEMA = Writer(0, create_schema, None, rebuilds=False)
EXTENSION = Writer(1, create_extension, alter_extension, rebuilds=False)
EVENT_TRIGGER = Writer(
    18, create_event_trigger, alter_event_trigger, frozenset({"enabled", "comment", "owner"}), early=True
)
PUBLICATION = Writer(18, create_publication, None, frozenset({"comment", "owner"}), early=True)
