"""The list of a fleet's targets: its text form, its rules, and the URLs that a template gives them."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wish_rollout.core.errors.fleets.target_lists import TargetInvalid, TargetListEmpty, TargetNamedTwice

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
URL_PARTS = re.compile(r"\s*[\w+]+://([^@/]*@)?([^/?]*)(/[^?]*)?")
"""As libpq divides a URL: the user and the password, the hosts with ports, and the database. Parameters follow."""
FREE_PARAMETER = re.compile(r"(?:^|[?&])(?:dbname|user|password)=[^&]*$")
RESTRICTED_VALUE = re.compile(r"[A-Za-z0-9_.-]+")
MOST_CHARACTERS = 200
NAME, URL = "name", "url"


@dataclass(frozen=True, slots=True)
class ListedTarget:
    """An entry of the list. ``url``: its own URL, which is a secret, or "" if the template gives it."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    url: str = field(default="", repr=False)

    def value(self, key: str) -> str | None:
        """Return the value of an attribute, or the name; None if the target has no such attribute."""
        return self.name if key == NAME else self.attributes.get(key)


def parse_list(environment: str, text: str) -> list[ListedTarget]:
    """Return the targets of a list with one line for each; raise TargetInvalid.

    A line is a name, or a name and attributes as ``key=value`` with quotes as in a shell, or a JSON object with the keys
    ``name``, optionally ``url``, and attributes. Empty lines and lines that begin with # are ignored.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            entry = f"in line {number}"
            values = _json_values if stripped.startswith("{") else _word_values
            found.append(listed_target(environment, entry, values(environment, entry, stripped)))
    return found


def listed_target(environment: str, entry: str, values: Mapping[str, Any]) -> ListedTarget:
    """Return a target from its values: ``name``, optionally ``url``, and attributes. Raise TargetInvalid.

    ``entry``: how the error names an entry without a usable name. Values that are None are left out.
    """
    texts = {str(key): str(value) for key, value in values.items() if value is not None}
    name = texts.pop(NAME, "")
    if reason := name_fault(name):
        raise TargetInvalid(environment, entry, reason)
    return ListedTarget(name, texts, texts.pop(URL, ""))


def name_fault(name: str) -> str:
    """Return why a name cannot be that of a target, or "".

    Dagster does not allow three dots and control characters in the key of a partition. A slash separates the names of
    a fleet and a target in commands.
    """
    if not name or name != name.strip():
        return "it has no name, or a name that begins or ends with a space"
    if len(name) > MOST_CHARACTERS:
        return f"its name has more than {MOST_CHARACTERS} characters"
    if not name.isprintable() or "/" in name or "..." in name:
        return "its name contains a slash, three dots or a control character"
    return ""


def refuse_empty_or_repeated(environment: str, source: str, targets: Sequence[ListedTarget]) -> None:
    """Raise TargetListEmpty or TargetNamedTwice."""
    if not targets:
        raise TargetListEmpty(environment, source)
    seen: set[str] = set()
    for target in targets:
        if target.name in seen:
            raise TargetNamedTwice(environment, target.name)
        seen.add(target.name)


def has_placeholder(template: str) -> bool:
    """Return whether a URL has a place for the name or an attribute of a target."""
    return PLACEHOLDER.search(template) is not None


def fill_template(environment: str, template: str, target: ListedTarget) -> str:
    """Return the URL of a target: each ``{key}`` is replaced by the percent-encoded value.

    libpq divides hosts and options after it has decoded them, so that a value there may have only letters, digits and
    ``_.-``. Raises TargetInvalid for any other value, for an empty one, and if the target has no such attribute.
    """

    def value(match: re.Match[str]) -> str:
        found = target.value(match[1])
        if not found:
            reason = f"it has no attribute '{match[1]}', which the URL of '{environment}' names"
            raise TargetInvalid(environment, f"'{target.name}'", reason)
        if not is_free_place(template, match.start()) and not RESTRICTED_VALUE.fullmatch(found):
            reason = (
                f"its '{match[1]}' has other characters than letters, digits and _.-, and the URL of '{environment}' has "
                "it outside of the database, the user and the password"
            )
            raise TargetInvalid(environment, f"'{target.name}'", reason)
        return quote(found, safe="")

    return PLACEHOLDER.sub(value, template)


def is_free_place(template: str, position: int) -> bool:
    """Return whether a place in a URL is in the name of the database, the user or the password, which have any characters."""
    parts = URL_PARTS.match(template)
    if parts is None:
        return False
    if position < parts.end():
        return any(parts.start(group) <= position < parts.end(group) for group in (1, 3))
    return FREE_PARAMETER.search(template[parts.end() : position]) is not None


def names(targets: Iterable[ListedTarget]) -> list[str]:
    """Return the names."""
    return [target.name for target in targets]


def _json_values(environment: str, entry: str, line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError:
        raise TargetInvalid(environment, entry, "it is not a JSON object") from None
    if any(isinstance(value, dict | list) for value in values.values()):
        raise TargetInvalid(environment, entry, "a value is a list or an object")
    return {str(key): value for key, value in values.items()}


def _word_values(environment: str, entry: str, line: str) -> dict[str, Any]:
    try:
        name, *words = shlex.split(line)
    except ValueError:
        raise TargetInvalid(environment, entry, "a quote is not closed") from None
    pairs = [word.partition("=") for word in words]
    if not all(key and separator for key, separator, _ in pairs):
        raise TargetInvalid(environment, entry, "an attribute is not written as KEY=VALUE")
    return {**{key: value for key, _, value in pairs}, NAME: name}
