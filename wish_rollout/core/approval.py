"""A person's word for exactly one plan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Approval:
    """Who approved which plan of which environment, and why. ``at``: seconds since the epoch."""

    environment: str
    plan_digest: str
    approver: str
    reason: str
    at: float
