"""The plans of all targets of a wave, which one signature covers: its digest is the plan that the signed text names."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from wish_rollout.core.approval.subject import Subject
from wish_rollout.core.errors.gate.signatures import InvalidApprovalDocument
from wish_rollout.core.plan.canonical_digest import canonical_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FORMAT = 1
ROLLBACK_SCOPE = "rollback"
SEPARATOR, SCHEMAS = ", ", " schemas "
LISTED = ("act", "start", "end", "server")
"""Fields of a subject that list the different values of its targets."""
MOST_PLANS = 10
"""So many kinds of plans are shown to an approver; of others, only the names of the targets."""


@dataclass(frozen=True, slots=True)
class SignedTarget:
    """What an approval covers of a target.

    ``plan``: a digest of the signed fields of its plan without those that name the database, so that equal plans have the
    same. ``database``: its name, and its cluster's. ``ledger``: the last row of its ledger.
    """

    plan: str
    database: str
    ledger: str

    def as_dict(self) -> dict[str, str]:
        """Return all fields."""
        return {"plan": self.plan, "database": self.database, "ledger": self.ledger}


@dataclass(frozen=True)
class WavePlan:
    """The plans of the targets of a wave, by the name of the target.

    ``scope``: as ``wave_scope`` returns it, or ROLLBACK_SCOPE. ``uncovered``: targets that could not be planned.
    """

    scope: str
    targets: Mapping[str, SignedTarget]
    uncovered: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """The digest over all fields."""
        return canonical_digest(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        targets = {name: target.as_dict() for name, target in self.targets.items()}
        return {
            "format": FORMAT,
            "scope": self.scope,
            "targets": targets,
            "uncovered": list(self.uncovered),
        }

    @classmethod
    def from_dict(cls, values: Any) -> WavePlan:
        """Return the plan with these JSON values; raise InvalidApprovalDocument if they are no such plan."""
        try:
            targets = {
                str(name): SignedTarget(**{key: str(text) for key, text in each.items()})
                for name, each in values["targets"].items()
            }
            plan = cls(str(values["scope"]), targets, tuple(map(str, values["uncovered"])))
        except (AttributeError, KeyError, TypeError):
            raise InvalidApprovalDocument("its list of targets has another form") from None
        if plan.as_dict() != values:
            raise InvalidApprovalDocument("its list of targets is not in the canonical form")
        return plan

    @classmethod
    def from_text(cls, text: str) -> WavePlan:
        """Return the plan with this JSON text; raise InvalidApprovalDocument."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            raise InvalidApprovalDocument("its list of targets is not JSON") from None
        return cls.from_dict(values)

    def text(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(self.as_dict(), sort_keys=True)

    def place(self) -> str:
        """Return the value of the signed text's field ``database``."""
        return f"{self.scope}: {len(self.targets)} targets"

    def groups(self) -> list[tuple[str, ...]]:
        """Return the names of the targets with equal plans, the largest group first."""
        found: dict[str, list[str]] = {}
        for name, target in self.targets.items():
            found.setdefault(target.plan, []).append(name)
        return [tuple(names) for names in sorted(found.values(), key=len, reverse=True)]


def wave_scope(wave: str) -> str:
    """Return the scope of a plan that migrates the targets of a wave."""
    return f"wave {wave}"


def wave_subject(fleet: str, plan: WavePlan, subjects: Sequence[Subject]) -> Subject:
    """Return the subject of an approval of a wave from those of its targets, each of which has the fields of its plan."""
    schemas = sorted({each.schema for each in subjects})
    return Subject(
        environment=fleet,
        database=plan.place(),
        act=_joined(each.act for each in subjects),
        start=_joined(each.start for each in subjects),
        end=_joined(each.end for each in subjects),
        release=_joined(each.release for each in subjects),
        plan=plan.digest,
        schema=schemas[0] if len(schemas) == 1 else f"{len(schemas)}{SCHEMAS}{canonical_digest(schemas)}",
        hazards=tuple(dict.fromkeys(hazard for each in subjects for hazard in each.hazards)),
        server=_joined(each.server for each in subjects),
        policy=_joined(each.policy for each in subjects),
        authors=tuple(sorted({author for each in subjects for author in each.authors})),
        code=_joined(each.code for each in subjects),
    )


def expected_subject(requested: Subject, fleet: str, plan: WavePlan, release: str, policy: str) -> Subject:
    """Return what a requested subject must be, as far as it is known without planning a target.

    ``plan``: the plans that are said to be requested. ``release``, ``policy``: the current digests.
    """
    place = plan.place()
    return replace(
        requested, environment=fleet, database=place, plan=plan.digest, release=release, policy=policy
    )


def compared_with_target(expected: Subject, target: Subject) -> Subject:
    """Return the same subject with those fields of one of its targets that are not in it.

    The fingerprint is compared if all targets have the same; the plan of each, which the digest covers, has it too.
    """
    listed = {name: getattr(target, name) for name in LISTED if not _contains(expected, target, name)}
    if SCHEMAS not in expected.schema:
        listed["schema"] = target.schema
    return replace(
        expected,
        code=target.code,
        authors=_containing(expected.authors, target.authors),
        hazards=_containing(expected.hazards, target.hazards),
        **listed,
    )


def _contains(expected: Subject, target: Subject, name: str) -> bool:
    requested, found = getattr(expected, name), getattr(target, name)
    return set(found.split(SEPARATOR)) <= set(requested.split(SEPARATOR))


def _containing(requested: tuple[str, ...], found: tuple[str, ...]) -> tuple[str, ...]:
    return requested if set(found) <= set(requested) else found


def _joined(texts: Iterable[str]) -> str:
    return SEPARATOR.join(sorted(set(texts)))
