"""Configuration schemas of the ops and resources that a run's configuration can set.

The fields are plain types. Dagster's StringSource also accepts ``{env: NAME}`` and inserts that variable's value, and
an error message that quotes the value would show a secret of the worker to anyone who can launch a run.
"""

import dagster as dg

ENVIRONMENT = {"environment": dg.Field(str, description="Name of an environment in rollout.toml.")}
ROLLBACK = {
    **ENVIRONMENT,
    "to": dg.Field(
        dg.Noneable(str),
        default_value=None,
        description="Revision to downgrade to, or base. Default: the revision before the current one.",
    ),
}
DRIFT = {
    "environments": dg.Field(
        [str], default_value=[], description="Names of environments in rollout.toml. Default: all."
    )
}
APPROVE = {
    **ENVIRONMENT,
    "approval": dg.Field(
        str,
        description=(
            "Complete content of the file that `wish-rollout approve ENV --out FILE` writes: "
            "the approval text and its signature."
        ),
    ),
}
REJECT = {
    **ENVIRONMENT,
    "nonce": dg.Field(str, description="Nonce of the request, as `wish-rollout requests` shows it."),
    "who": dg.Field(str, description="Name or e-mail address of the person who rejects the request."),
    "reason": dg.Field(str, description="Reason for the rejection."),
}
CHOICES = {
    "adopt": dg.Field(
        [str],
        default_value=[],
        description=(
            "Environments to adopt: their schema is already that of the release, "
            "so the release is recorded and no script is run."
        ),
    ),
    "clean": dg.Field(
        [str],
        default_value=[],
        description=(
            "Disposable environments to clean: conflicting objects are dropped with their rows "
            "before the migration."
        ),
    ),
}
