"""The page of errors, from their classes."""

from __future__ import annotations

import importlib
import pkgutil
import re

import wish_rollout
from docs.generator.markdown import document, prose
from wish_rollout.core.errors.base import RolloutError

INTRODUCTION = (
    "Each error says what happened, why it matters and what to do next. `--json` prints its class and its fields. "
    "`{names}` are the fields. `--debug` shows the traceback."
)
RUNS_WHEN_IMPORTED = {"wish_rollout.__main__", "wish_rollout.definitions"}
MEANINGS = {
    0: "nothing to do",
    1: "any other failure",
    2: "usage or configuration",
    3: "an approval is pending",
    4: "drift, or a difference",
    5: "verification failed",
    6: "refused: the change would be unsafe, so it was not made",
}


def page() -> str:
    """Return the page."""
    found = sorted(classes(), key=lambda each: (each.exit_code, each.__name__))
    parts = []
    for code, meaning in MEANINGS.items():
        group = [each for each in found if each.exit_code == code]
        if group:
            parts += [f"## Exit code {code}: {meaning}", *(section(each) for each in group)]
    return document("Errors", INTRODUCTION, *parts)


def classes() -> set[type[RolloutError]]:
    """Return each class of error that the package raises: those with a text."""
    for module in pkgutil.walk_packages(wish_rollout.__path__, "wish_rollout."):
        if module.name not in RUNS_WHEN_IMPORTED:
            importlib.import_module(module.name)
    return {
        each
        for each in subclasses(RolloutError)
        if hasattr(each, "summary") and each.__module__.startswith("wish_rollout.")
    }


def subclasses(parent: type[RolloutError]) -> set[type[RolloutError]]:
    """Return all classes below a class."""
    direct = set(parent.__subclasses__())
    return direct.union(*(subclasses(each) for each in direct))


def section(error: type[RolloutError]) -> str:
    """Return one error's section: its meaning and its three texts."""
    parts = [f"### {error.__name__}", prose(error.__doc__), quoted(error.summary)]
    if error.explanation:
        parts.append(quoted(error.explanation))
    if error.hint:
        parts.append(f"```text\nhint: {unescaped(error.hint)}\n```")
    return "\n\n".join(parts)


def quoted(template: str) -> str:
    """Return a text as a quotation, its fields as code spans."""
    text = re.sub(r"(?<!\{)(\{\w+[^{}]*\})(?!\})", r"`\1`", template.strip())
    return "\n".join(
        f"> {line}" for line in unescaped(text).replace("*", "\\*").replace("<", "&lt;").splitlines()
    )


def unescaped(template: str) -> str:
    """Return a format string's text with its doubled braces as single ones."""
    return template.replace("{{", "{").replace("}}", "}")
