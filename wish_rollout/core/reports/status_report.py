"""The state of all environments as values: revision, drift, since when, and what waits for an approval."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class WaitingRequest:
    """An open request of a gate.

    ``approvals``: how many there are and are needed, and who has approved. ``what_to_do``: the next command.
    """

    act: str
    start: str
    end: str
    requester: str
    requested: str
    expires: str
    approvals: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class EnvironmentReport:
    """The state of one environment.

    ``since``: the time of the ledger's last row, which led to this revision; "" if there is none. ``drift``: the
    changes from the expected to the live schema, a line each. ``drift_since``: when Dagster first recorded it.
    ``error``: why the database could not be read, or "".
    """

    environment: str
    gated: bool
    verdict: str
    revision: str
    since: str
    pending: tuple[str, ...] = ()
    server: str = ""
    fingerprint: str = ""
    drift: tuple[str, ...] = ()
    drift_since: str = ""
    unmanaged: tuple[str, ...] = ()
    waiting: tuple[WaitingRequest, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The state of all environments at one time, in promotion order.

    ``project``: its name, or the name of its folder. ``dagster_error``: why requests could not be read, or "".
    """

    project: str
    head: str
    at: str
    environments: tuple[EnvironmentReport, ...]
    dagster_error: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether each database could be read."""
        return not any(each.error for each in self.environments)

    def as_dict(self) -> dict[str, Any]:
        """Return all fields, for ``--json``."""
        return asdict(self)
