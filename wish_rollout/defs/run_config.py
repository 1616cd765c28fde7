"""What the configuration of a run may say to our ops.

Dagster's own classes for it take ``{env: NAME}`` in place of a text, and put in the variable's value; an error that
quotes it would show whoever launches a run any secret of the worker's. Fields of plain types take texts alone.
"""

import dagster as dg

ENVIRONMENT = {"environment": dg.Field(str, description="an environment of rollout.toml")}
ROLLBACK = {
    **ENVIRONMENT,
    "to": dg.Field(
        dg.Noneable(str),
        default_value=None,
        description="a revision, or base; one back where it is left out",
    ),
}
DRIFT = {
    "environments": dg.Field(
        [str], default_value=[], description="environments of rollout.toml; all of them where it is left out"
    )
}
APPROVE = {
    **ENVIRONMENT,
    "approval": dg.Field(
        str,
        description="the whole file that `wish-rollout approve ENV --out FILE` wrote: the text and its signature",
    ),
}
REJECT = {
    **ENVIRONMENT,
    "nonce": dg.Field(str, description="the request's nonce, as `wish-rollout requests` shows it"),
    "who": dg.Field(str, description="who rejects"),
    "reason": dg.Field(str, description="why"),
}
CHOICES = {
    "adopt": dg.Field(
        [str], default_value=[], description="environments whose schema is taken over as it is"
    ),
    "clean": dg.Field([str], default_value=[], description="disposable environments that are emptied first"),
}
