"""What each metadata key and each run tag means."""

VERIFICATION = {
    "dagster/row_count": "rows in all tables",
    "rows": "rows in each table",
    "revision": "the revision",
    "server version": "the PostgreSQL version",
    "fingerprint": "the fingerprint",
    "checks": "the checks and their results",
    "seconds to verify": "how long the verification took",
    "unmanaged": "objects in scope that no revision knows, and that do not count",
}
MIGRATION = {
    "action": "what was done",
    "from": "the revision before",
    "to": "the revision after",
    "delta": "what the migration changed",
    "archived": "the number of archived rows of each table or column that a rollback has taken away",
    "seconds to migrate": "how long the migration took",
}
SCHEMA = {
    "dagster/column_schema": "the columns, as `table.column`; in a large schema those of the changed tables first",
    "columns not shown": "in a large schema: how many columns the event does not contain",
    "objects": "the number of objects of each kind",
    "columns by table": "the tables with their columns and comments",
    "tables": "the tables",
    "indexes": "the indexes",
    "constraints": "the constraints",
    "enums": "the enums and their labels",
}
PLAN = {
    "plan": "each environment's plan: hazards, row findings, delta, SQL",
    "plan digest": "the plan's digest",
    "release digest": "the release's digest",
    "head": "the head revisions",
    "verdicts": "each environment's verdict",
    "pending": "each environment's pending revisions",
}
OBSERVATION = {
    "verdict": "the environment's verdict",
    "revision": "its revision",
    "pending": "its pending revisions",
    "drift": "the delta from the promised to the live schema",
    "unmanaged": "objects in scope that no revision knows, and that do not count",
    "fingerprint": "the live schema's fingerprint",
}
TAGS = {
    "wish_rollout/by": "`command line` on a run of the command line; `Dagster` if the UI has executed it again",
    "wish_rollout/requester": "who asked for the run; a claim, not a proof",
    "wish_rollout/resumes": "on a run that the resume sensor launched: the gated environment",
    "wish_rollout/awaiting_approval": "the environment whose gate stopped the run",
    "wish_rollout/break_glass": "an emergency approval let the run through: its run and its reason",
    "wish_rollout/rollout": "on a run of a backfill: the run of the rollout that launched it",
    "wish_rollout/wave": "the same: the wave of the fleet",
}
