"""Reading ``rollout.toml`` and environment variables into immutable, validated values.

Not here: connecting to a database (``postgres``), and the rules for approvals (``core.approval``).
"""

from wish_rollout.config.configuration import Config
from wish_rollout.config.environment import Environment
from wish_rollout.config.fleet_member import FleetMember
from wish_rollout.config.loading import find_config, load_config, load_dotenv
from wish_rollout.config.policies import ApprovalConfig, WindowConfig
from wish_rollout.config.receivers import ReceiverConfig
from wish_rollout.config.sections import CONFIG_NAME, SANDBOX_VARIABLE, ReleaseConfig, ScopeConfig

__all__ = [
    "CONFIG_NAME",
    "SANDBOX_VARIABLE",
    "ApprovalConfig",
    "Config",
    "Environment",
    "FleetMember",
    "ReceiverConfig",
    "ReleaseConfig",
    "ScopeConfig",
    "WindowConfig",
    "find_config",
    "load_config",
    "load_dotenv",
]
