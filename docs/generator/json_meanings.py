"""What each key of the JSON formats means."""

EVIDENCE = (
    "`folder`, `release` (its digest), `rows` (environment → number of rows) and `written` (false if the folder has "
    "exactly these files already); with `--verify`, a list of [checks](#check)"
)
COMMANDS = {
    "plan": "a [plan](#plan), and `cannot_be_carried_out`: for each environment that cannot be migrated, why; of a "
    "[fleet](../fleets.md), `waves`: the names of the targets of each, and `groups` of targets with the same plan",
    "apply": "a [run](#run), or `nothing_to_do: true` and `environments`: [statuses](#environment-status)",
    "verify": "a [run](#run)",
    "rollback": "a [run](#run)",
    "reject": "a [run](#run)",
    "approve": "a [run](#run), and `approvals`: the [progress](#approval-progress)",
    "requests": "a list of [requests](#request), each with its [progress](#approval-progress)",
    "log": "a list of [ledger entries](#ledger-entry)",
    "status": "`head`: the release's head revisions; `environments`: [statuses](#environment-status); `fleets`, if there "
    "are any: [states of fleets](#fleet)",
    "drift": "a [drift report](#drift-report), and `fleets`, if there are any: [states of fleets](#fleet)",
    "diff": "a delta, from A to B",
    "archives": "a list of [archives](#archive)",
    "restore": "a list of [restorations](#restoration)",
    "snapshot": "a snapshot file, with and without `--json`",
    "doctor": "a list of [check results](#check-result)",
    "evidence": EVIDENCE,
    "report": "a [status report](#status-report)",
    "check": "a list of [checks of the release](#check-of-the-release)",
    "generate": "`revision`, `script` and `meta`: the new revision and its files; with `--record`, `recorded` and `meta`",
}
ERRORS = (
    "An error is one document, `error`, with `class`, `text` and `fields` ([errors](errors.md)). Where there is nothing "
    "to do, the document is `nothing_to_do: true` and `text`, and the exit code is 0."
)
PLAN = {
    "format": "the version of this format",
    "digest": "the digest of the whole plan",
    "release_digest": "the release's digest",
    "head": "the head revisions",
    "nothing_to_do": "true where no environment changes",
    "environments": "[environment plans](#environment-plan), in promotion order",
}
ENVIRONMENT_PLAN = {
    "format": "the version of this format",
    "environment": "the environment's name",
    "release_digest": "the release's digest",
    "action": "what is done ([actions](#actions))",
    "verdict": "the state before ([verdicts](#verdicts))",
    "start": "the revision before",
    "end": "the revision after",
    "pending": "the pending revisions, in order",
    "statements": "the SQL, as rehearsed",
    "promised": "the promised delta",
    "fingerprint": "the fingerprint of the live schema",
    "server_version": "the PostgreSQL version",
    "database": "the database's name",
    "role": "the role that migrates",
    "hazards": "[hazards](#hazard)",
    "findings": "[row findings](#row-finding)",
    "resumes": "where an interrupted release continues: the fingerprint that it must reach",
    "gated": "true where an approval is required",
    "drift": "the delta from the promised to the live schema",
    "obstacles": "existing objects that the release would create",
    "unmanaged": "objects in scope that no revision knows, and that do not count",
    "adopts": "for an adoption: the position that the version table is set to first",
    "half_done": "what an interrupted release has done, what remains, and what would differ, if its scripts were changed",
    "already_there": "what the environment has already of the pending revisions, if their statements allow for it",
    "irreversible": "pending revisions that cannot be rolled back later, with the reason",
    "archives": "what a rollback archives if it has rows then, and for how long that is kept",
    "baseline": "the accepted differences that the plan records in the ledger",
    "notes": "what the plan does that the statements do not show",
    "digest": "the digest that an approval names",
    "code": "the files that env.py and the revisions use, with their hashes",
    "packages": "the installed packages that they import, with their versions",
    "data_dependent": "revisions whose statements may differ from the rehearsed ones, with the reason",
    "driver_statements": "revisions that send statements past SQLAlchemy, with the reason",
    "settings": "settings of the session that change what a statement does: name → value",
    "env_statements": "what env.py itself sends: a list before and a list after the revisions",
}
ARCHIVE = {
    "archive": "its number",
    "environment": "the environment's name",
    "state": "`open`, `waiting`, `partly restored`, `restored` or `purged`",
    "from": "the revision before the rollback",
    "to": "the revision after the rollback",
    "created": "when, in UTC",
    "keep": "for how long it is kept at least",
    "ledger_row": "the number of the rollback's ledger row",
    "rows": "the number of rows and values in it",
    "bytes": "its size",
    "objects": "what it contains: `object`, `rows`, `checksum`, and whether the table was `moved`",
}
RESTORATION = {
    "archive": "the archive's number",
    "state": "its state afterwards",
    "restored": "the number of restored rows and values",
    "left": "the number of rows and values that stay in the archive",
    "objects": "[restored objects](#restored-object)",
}
RESTORED_OBJECT = {
    "object": "the table or column",
    "restored": "the number of restored rows or values",
    "left": "the number of those that stay in the archive",
    "keys": "the keys of the first 100 of these",
    "why": "why they stay; empty where nothing does",
}
HAZARD = {
    "kind": "the kind of hazard ([hazards](../hazards.md))",
    "revision": "the revision",
    "subject": "the object concerned",
    "table": "the table that is locked",
    "lock": "the lock mode",
    "allowed": "the revision's reason to allow it; empty where it is not allowed",
    "rows": "rows in the table",
    "dangers": "`held`, `row locks`, `lost`, `breaks`, `slower` ([hazards](../hazards.md))",
    "line": "the line of the script; 0 where it is unknown",
    "bytes": "size of the table",
    "why": "why it is a hazard",
    "instead": "safe Alembic code",
}
ROW_FINDING = {
    "kind": "`rows-do-not-fit`",
    "subject": "the constraint or column",
    "allowed": "the revision's reason to allow it; empty where it is not allowed",
    "rows": "how many rows; null where they could not be counted",
    "says": "the finding as a sentence",
    "sql": "a query that shows the rows",
    "rehearsed": "how the release ended on a scratch database with some of the rows",
}
RUN = {
    "run_id": "the Dagster run",
    "success": "false where a step failed",
    "awaiting_approval": "the environment whose gate is closed, or null",
    "awaiting_because": "why it is closed, or null",
    "error": "the failed step's error, as `class` and `text`, or null",
    "class": "the class of that error",
    "text": "the text of that error",
    "environments": "[results](#environment-result) of the environments that the run reached",
    "failed_targets": "of a fleet: the [targets that have failed](#failed-targets) or were not begun",
}
FAILED_TARGETS = {
    "error": "the class of the error, or an empty text if the targets were not begun",
    "text": "the error of the first one",
    "hint": "what to do next",
    "targets": "their names, at most 8,000 bytes of them",
    "count": "how many they are",
}
STAGE = {
    "environment": "the environment's name",
    "start": "the revision before",
    "end": "the revision after",
    "action": "what was done ([actions](#actions))",
    "checks": "how many checks were made",
    "failed": "how many checks failed",
    "seconds": "seconds to migrate and verify",
    "fingerprint": "the fingerprint after",
}
PROGRESS = {
    "approvers": "who has approved",
    "needed": "how many approvals are required",
    "void": "why the request is no longer valid, or null",
}
REQUEST = {
    "environment": "the environment's name",
    "nonce": "the request's ID",
    "requester": "who asked",
    "expires": "when the request expires, in UTC",
    "run_id": "the Dagster run that asked",
    "text": "the text to be signed, without the approver",
    "plan": "the plan, as Markdown",
    "targets": "for a fleet: what the approval covers, [approved targets](#approved-targets)",
}
WAVE_PLAN = {
    "format": "the format of the list, 1",
    "scope": "the wave, or `rollback`",
    "targets": "the [targets](#approved-target) with a plan, by name",
    "uncovered": "the names of targets that could not be planned",
}
SIGNED_TARGET = {
    "plan": "a digest of the plan, without the names of environment and database",
    "database": "the database and its cluster",
    "ledger": "the last row of its ledger, and its hash",
}
ENTRY = {
    "seq": "the row's number, from 1",
    "at": "the server's time",
    "act": "what was done",
    "who": "who asked for it",
    "run": "the Dagster run",
    "release": "the release's digest",
    "plan": "the plan's digest",
    "start": "the revision before",
    "end": "the revision after",
    "before": "the fingerprint before",
    "after": "the fingerprint that it had to reach",
    "milliseconds": "how long it took",
    "nonce": "the ID of the request that was approved, or null",
    "detail": "approvals, attempts, sessions that waited, and the like",
    "previous": "the hash of the row before",
    "hash": "the hash of this row",
}
STATUS = {
    "environment": "the environment's name",
    "verdict": "its state ([verdicts](#verdicts))",
    "revision": "its revision; null where it could not be read",
    "pending": "the pending revisions",
    "fingerprint": "its fingerprint, or null",
    "server_version": "the PostgreSQL version, or null",
    "drift": "the delta from the promised to the live schema",
    "unmanaged": "objects in scope that no revision knows, and that do not count",
    "error": "why it could not be read, or null",
}
DRIFT = {
    "format": "the version of this format",
    "environments": "[statuses](#environment-status), each with its `findings` and its [`remedy`](#remedy)",
    "ddl": "in each environment: the [recorded DDL](#recorded-ddl) since the last rollout",
    "findings": "all [findings](#finding)",
    "between": "[comparisons](#comparison) of environments at the same revision",
    "models": "the delta from the scripts' to the declared schema; null without `--models`",
}
FINDING = {
    "found": "the [kind](#kinds-of-finding)",
    "environments": "the environments concerned; empty for the release itself",
    "detail": "the finding as a sentence",
}
COMPARISON = {
    "revision": "the revision of both",
    "a": "the first environment",
    "b": "the second environment",
    "delta": "the delta from a to b",
}
REMEDY = {
    "covered": "true where the statements remove the whole difference",
    "loses_data": "true where a statement loses data",
    "statements": "[statements](#remedy-statement), in the order in which they run",
    "gaps": "[differences](#remedy-gap) that no statement removes",
    "rehearsal": "the result of a run of the statements on a scratch database; empty if there was none",
}
STATEMENT = {
    "sql": "the statement",
    "also": "other objects that the statement changes",
    "kind": "the kind of the object",
    "name": "the object's name",
    "loses_data": "true where it loses data, or can only run after one that does",
    "covered": "true",
}
GAP = {
    "kind": "the kind of the object",
    "name": "the object's name",
    "why": "why no statement removes the difference",
    "covered": "false",
}
DOCTOR = {
    "name": "what was examined",
    "exit_code": "0 where it is in order, else the exit code of the error",
    "detail": "the result, or the error",
}
CHECK = {
    "name": "what was checked",
    "passed": "true where it is in order",
    "detail": "the result",
}
FLEET = {
    "environment": "the name of the fleet",
    "targets": "the number of its targets",
    "groups": "its [groups of equal targets](#group-of-targets), the largest first; each with `delta`, the delta from the schema "
    "of the largest group to that of this one, or null",
    "error": "why no target was read, for example because the list cannot be used, or null",
}
TARGET_GROUP = {
    "verdict": "the [verdict](#verdicts) of each of the targets",
    "revision": "their revision, as text",
    "pending": "the pending revisions",
    "fingerprint": "the fingerprint of their schema; null if it cannot be read",
    "drift": "how they differ from their revision, in one line",
    "count": "the number of targets",
    "targets": "their names, in the order of the list",
    "error": "why the first of them cannot be read, or null",
    "errors": "the error of each of them that has one, by the name of the target",
}
