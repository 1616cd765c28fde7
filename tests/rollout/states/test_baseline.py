"""What a platform has created before the first revision is recorded as the environment's baseline, and is no drift."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.rollout.states.project import States


@pytest.fixture
def app(states: States) -> Iterator[str]:
    """A role of the platform."""
    name = f"app_{secrets.token_hex(4)}"
    states.workspace.as_superuser("prod", f"create role {name}")
    yield name
    states.workspace.as_superuser("prod", f"drop owned by {name}; drop role {name}")


def platform(states: States, app: str) -> None:
    states.workspace.as_superuser("prod", f"GRANT CREATE ON SCHEMA public TO {app}")
    states.sql(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {app}")
    states.sql("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    states.workspace.as_superuser("prod", "CREATE EXTENSION pg_trgm")
    states.workspace.as_superuser("prod", "CREATE SCHEMA extensions")


LATER = "CREATE TABLE more (a int GENERATED ALWAYS AS IDENTITY); CREATE FUNCTION one() RETURNS int RETURN 1"


def test_platform_state_is_recorded_at_the_first_apply_and_is_no_drift(states: States, app: str) -> None:
    platform(states, app)
    plan = states.cli("plan").out
    assert "note: accepted baseline: " in plan
    assert "extension pg_trgm" in plan
    assert states.cli("drift").code == 0
    states.roll_out()
    recorded = json.loads(states.cli("log", "prod", "--json").out)[-1]["detail"]["baseline"]
    assert {each["kind"] for each in recorded["accepted"]} >= {
        "schema",
        "default privileges",
        "extension",
        "table",
    }

    states.revision("r2", "r1", LATER, "DROP FUNCTION one(); DROP TABLE more")
    states.roll_out()
    assert states.sql(f"select has_table_privilege('{app}', 'more', 'SELECT')") == [(True,)]
    rolled = states.walk("rollback", "prod", "--to", "r1")
    assert rolled[0] == "rollback prod --to r1"


@pytest.mark.parametrize(
    "change",
    ["REVOKE SELECT ON items FROM {app}", "DROP EXTENSION pg_trgm", "GRANT USAGE ON SCHEMA public TO {app}"],
)
def test_change_of_a_recorded_baseline_is_drift_and_can_be_recorded_again(
    states: States, app: str, change: str
) -> None:
    platform(states, app)
    states.migrate()
    states.workspace.as_superuser("prod", change.format(app=app))
    assert states.cli("drift").code == 4
    assert states.walk("apply")[1] == "apply --adopt prod"
    assert "its platform has changed since the baseline was recorded" in states.output


def test_other_objects_before_the_first_apply_are_drift(states: States, app: str) -> None:
    platform(states, app)
    states.sql("CREATE TABLE theirs (a int)")
    drift = states.cli("drift")
    assert (drift.code, "public.theirs" in drift.out, "pg_trgm" in drift.out) == (4, True, False)


@pytest.mark.parametrize("policy", ["report", "ignore"])
def test_default_privileges_are_promised_whatever_the_policy_for_unmanaged_objects(
    states: States, app: str, policy: str
) -> None:
    states.workspace.edit("rollout.toml", "[release]", f'[scope]\nunmanaged = "{policy}"\n\n[release]')
    platform(states, app)
    states.migrate()
    states.revision("r2", "r1", LATER, "DROP FUNCTION one(); DROP TABLE more")
    states.roll_out()
    states.sql(f"REVOKE SELECT ON more FROM {app}")
    assert states.cli("drift").code == 4


def test_extension_of_the_platform_is_used_by_create_if_not_exists(states: States) -> None:
    states.workspace.as_superuser("prod", "CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext")
    states.revision("r2", "r1", "CREATE EXTENSION IF NOT EXISTS citext", "SELECT 1")
    states.roll_out()
    states.walk("rollback", "prod")
    assert states.sql("select count(*) from pg_extension where extname = 'citext'") == [(1,)]


def test_default_privileges_do_not_apply_to_the_ledger(each_states: States) -> None:
    """Otherwise everybody could change it, and the next command would not trust it."""
    states = each_states
    states.sql("ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC")
    states.sql("ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO PUBLIC")
    states.sql("ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC")
    states.revision("r2", "r1", LATER, "DROP FUNCTION one(); DROP TABLE more")
    states.roll_out()
    states.walk("rollback", "prod", "--to", "base")
    granted = "select has_table_privilege('public', 'wish_rollout.ledger', 'INSERT')"
    assert states.sql(granted) == [(False,)]
