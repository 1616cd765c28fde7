"""A remedy as a value: ordered statements, and what they do not cover."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement without its semicolon, and the object that it is for.

    ``loses_data``: it loses rows or values, or it can only run after a statement that does. ``also``: further
    columns whose values it loses, for example those of a table's children.
    """

    sql: str
    kind: str
    name: str
    loses_data: bool = False
    also: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return {**asdict(self), "also": list(self.also), "covered": True}


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference, or a part of one, that no statement removes, and the reason."""

    kind: str
    name: str
    why: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields."""
        return {**asdict(self), "covered": False}

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class Remedy:
    """Statements in the order in which they have to run, and the gaps.

    ``rehearsal``: what came of running them on a scratch database; empty if nobody tried.
    """

    statements: tuple[Statement, ...] = ()
    gaps: tuple[Gap, ...] = ()
    rehearsal: str = ""

    def __bool__(self) -> bool:
        return bool(self.statements or self.gaps)

    @property
    def covered(self) -> bool:
        """Whether the statements remove the whole difference."""
        return not self.gaps

    @property
    def is_rehearsed(self) -> bool:
        """Whether it was run on a scratch database."""
        return self.rehearsal.startswith("rehearsed")

    @property
    def loses_data(self) -> bool:
        """Whether one of the statements loses data."""
        return any(statement.loses_data for statement in self.statements)

    def as_dict(self) -> dict[str, Any]:
        """Return the remedy for ``--json``."""
        return {
            "covered": self.covered,
            "loses_data": self.loses_data,
            "rehearsal": self.rehearsal,
            "statements": [statement.as_dict() for statement in self.statements],
            "gaps": [gap.as_dict() for gap in self.gaps],
        }

    def script(self, *, lossy: bool = False) -> str:
        """Return a psql script of one transaction. Statements that lose data are comments, unless ``lossy``."""
        return "".join(f"{line}\n" for line in self._lines(lossy=lossy))

    def _lines(self, *, lossy: bool) -> Iterator[str]:
        for gap in self.gaps:
            yield f"-- not covered: {_one_line(str(gap))}"
        if self.rehearsal:
            yield f"-- {_one_line(self.rehearsal)}"
        if self.statements:
            yield "BEGIN;"
        for statement in self.statements:
            if statement.loses_data:
                for name in (statement.name, *statement.also):
                    yield f"-- loses data: {_one_line(f'{statement.kind} {name}')}"
            text = f"{statement.sql};"
            if statement.loses_data and not lossy:
                text = "\n".join(f"-- {line}" for line in _every_line(text))
            yield text
        if self.statements:
            yield "COMMIT;"


def _one_line(text: str) -> str:
    """Return a text without line breaks, so that a hostile name stays in its comment."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def _every_line(text: str) -> list[str]:
    r"""Return the lines of a text as psql splits comments: at \r and \n, and nowhere else."""
    return text.replace("\r", "\n").split("\n")
