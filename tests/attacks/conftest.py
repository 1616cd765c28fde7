"""The gate of the tests in ``tests/gate``, for attacks on a whole rollout."""

from tests.gate.conftest import gate, prod_workspace

__all__ = ["gate", "prod_workspace"]
