"""The results of the checks that ``doctor`` makes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check. ``exit_code``: 0 if it passed."""

    name: str
    exit_code: int
    detail: str

    @property
    def passed(self) -> bool:
        """Whether the check passed."""
        return self.exit_code == 0

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for ``--json``."""
        return asdict(self)


def name_repeated_failures(results: list[CheckResult]) -> list[CheckResult]:
    """Let a failure that an earlier check has reported refer to that check: one cause is to be read once."""
    first: dict[str, str] = {}
    for result in results:
        if not result.passed:
            first.setdefault(result.detail, result.name)
    return [
        result
        if first.get(result.detail, result.name) == result.name
        else replace(result, detail=f"the same failure as that of {first[result.detail]}")
        for result in results
    ]
