"""A target of a fleet as an environment."""

from __future__ import annotations

from wish_rollout.config.environment import Environment


class FleetMember(Environment):
    """One target of a fleet, as an environment of its own: ``FLEET/TARGET``, with the policy of the fleet.

    ``fleet``: the name of the fleet. ``target``: the name of the target.
    """

    fleet: str = ""
    target: str = ""

    @property
    def is_protected(self) -> bool:
        """As the fleet is."""
        return True

    @classmethod
    def of(cls, env: Environment, target: str) -> FleetMember:
        """Return a target of a fleet. Whether the list contains it is not checked here."""
        values = {name: getattr(env, name) for name in Environment.model_fields}
        own = {
            "name": f"{env.name}/{target}",
            "targets": None,
            "wave": (),
            "fleet": env.name,
            "target": target,
        }
        return cls.model_construct(**{**values, **own})

    @property
    def source(self) -> str:
        """The name of the URL's source, for errors."""
        return f"target '{self.target}' of '{self.fleet}'"
