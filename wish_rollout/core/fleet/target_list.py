"""The list of a fleet's targets: its text form, its rules, and the URLs that a template gives them."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from wish_rollout.core.errors.fleets.target_lists import (
    TargetAttributeMissing,
    TargetInvalid,
    TargetListEmpty,
    TargetNamedTwice,
)
from wish_rollout.core.text.redaction import escape_to_one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PLACEHOLDER = re.compile(r"\{([A-Za-z_]\w*)\}")
URL_PARTS = re.compile(r"\s*[\w+]+://([^@/]*@)?([^/?]*)(/[^?]*)?")
"""As libpq divides a URL: the user and the password, the hosts with ports, and the database. Parameters follow."""
FREE_PARAMETER = re.compile(r"(?:^|[?&])(?:dbname|user|password)=[^&]*$")
RESTRICTED_VALUE = re.compile(r"[A-Za-z0-9_.-]+")
SECRET_PARAMETER = re.compile(r"(?:^|[?&])password=[^&]*$")
MOST_CHARACTERS, MOST_CHARACTERS_OF_LINE = 200, 100_000
NAME, URL = "name", "url"
STRUCTURES = (dict, list, tuple, bytes, memoryview)


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
            if len(stripped) > MOST_CHARACTERS_OF_LINE:
                raise TargetInvalid(
                    environment, entry, f"it has more than {MOST_CHARACTERS_OF_LINE} characters"
                )
            values = _json_values if stripped.startswith("{") else _word_values
            found.append(listed_target(environment, entry, values(environment, entry, stripped)))
    return found


def listed_target(environment: str, entry: str, values: Mapping[str, Any]) -> ListedTarget:
    """Return a target from its values: ``name``, optionally ``url``, and attributes. Raise TargetInvalid.

    ``entry``: how the error names an entry without a usable name. Values that are None are left out.
    """
    if any(isinstance(value, STRUCTURES) for value in values.values()):
        raise TargetInvalid(environment, entry, "a value is a list, an object or binary data")
    texts = {str(key): _text(value) for key, value in values.items() if value is not None}
    if not all(map(_is_unicode, texts.values())):
        raise TargetInvalid(environment, entry, "a value is not valid Unicode text")
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
    ``_.-``. Raises TargetInvalid for any other value; TargetAttributeMissing if the target has no such attribute, or an empty one.
    """

    def value(match: re.Match[str]) -> str:
        found = target.value(match[1])
        if not found:
            key = "…" if is_in_password(template, match.start()) else match[1]
            raise TargetAttributeMissing(environment, target.name, key)
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


def is_in_password(template: str, position: int) -> bool:
    """Return whether a place in a URL is in the password."""
    parts = URL_PARTS.match(template)
    if parts is None or position >= parts.end():
        return SECRET_PARAMETER.search(template[:position]) is not None
    return parts.start(1) <= position < parts.end(1) and ":" in template[parts.start(1) : position]


def names(targets: Iterable[ListedTarget]) -> list[str]:
    """Return the names."""
    return [target.name for target in targets]


def _text(value: Any) -> str:
    """Return a value as text; a boolean as SQL and JSON write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_unicode(text: str) -> bool:
    """Return whether a text can be written as UTF-8: JSON can have half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _json_values(environment: str, entry: str, line: str) -> dict[str, Any]:
    try:
        pairs = json.loads(line, object_pairs_hook=list)
    except (ValueError, RecursionError):  # the latter for arrays in arrays
        raise TargetInvalid(environment, entry, "it is not a JSON object") from None
    return _without_repetition(environment, entry, pairs)


def _word_values(environment: str, entry: str, line: str) -> dict[str, Any]:
    if line.startswith("["):
        raise TargetInvalid(environment, entry, "it is a JSON array; each target is a line")
    try:
        name, *words = shlex.split(line)
    except ValueError:
        raise TargetInvalid(environment, entry, "a quote is not closed") from None
    pairs = [word.partition("=") for word in words]
    if not all(key and separator for key, separator, _ in pairs):
        raise TargetInvalid(environment, entry, "an attribute is not written as KEY=VALUE")
    values = [(NAME, name), *((key, value) for key, _, value in pairs)]
    return _without_repetition(environment, entry, values)


def _without_repetition(environment: str, entry: str, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise TargetInvalid(environment, entry, f"it has '{escape_to_one_line(key)}' more than once")
        values[key] = value
    return values
