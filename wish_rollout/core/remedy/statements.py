"""A remedy as a value: ordered statements, and what they do not cover."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement without its semicolon, and the object that it is for.

    ``also``: the children's columns whose values are lost with it. ``loses_data``: it drops rows or values, or it can only run after one that does.
    """

    sql: str
    kind: str
    name: str
    loses_data: bool = False
    also: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give the fields."""
        return {**asdict(self), "covered": True}


@dataclass(frozen=True, slots=True)
class Gap:
    """A difference, or a part of one, that no statement takes away, and why."""

    kind: str
    name: str
    why: str

    def as_dict(self) -> dict[str, Any]:
        """Give the fields."""
        return {**asdict(self), "covered": False}

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.why}"


@dataclass(frozen=True, slots=True)
class Remedy:
    """Statements in the order in which they have to run, and the gaps."""

    statements: tuple[Statement, ...] = ()
    gaps: tuple[Gap, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.statements or self.gaps)

    @property
    def covered(self) -> bool:
        """Whether the statements take all of the difference away."""
        return not self.gaps

    @property
    def loses_data(self) -> bool:
        """Whether one of the statements loses data."""
        return any(statement.loses_data for statement in self.statements)

    def as_dict(self) -> dict[str, Any]:
        """Give the whole, for ``--json``."""
        return {
            "covered": self.covered,
            "loses_data": self.loses_data,
            "statements": [statement.as_dict() for statement in self.statements],
            "gaps": [gap.as_dict() for gap in self.gaps],
        }

    def script(self, *, lossy: bool = False) -> str:
        """Write it for psql. What loses data is a comment, unless ``lossy``."""
        return "".join(f"{line}\n" for line in self._lines(lossy=lossy))

    def _lines(self, *, lossy: bool) -> Iterator[str]:
        for gap in self.gaps:
            yield f"-- not covered: {_one_line(str(gap))}"
        for statement in self.statements:
            if statement.loses_data:
                for name in (statement.name, *statement.also):
                    yield f"-- loses data: {_one_line(f'{statement.kind} {name}')}"
            text = f"{statement.sql};"
            if statement.loses_data and not lossy:
                text = "\n".join(f"-- {line}" for line in _every_line(text))
            yield text


def _one_line(text: str) -> str:
    """Keep a hostile name inside of its comment."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)


def _every_line(text: str) -> list[str]:
    r"""Split where psql ends a comment (\r and \n), and nowhere else."""
    return text.replace("\r", "\n").split("\n")
