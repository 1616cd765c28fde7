"""What each key of the documents of ``check`` and ``report`` means."""

from docs.generator.json_meanings import CHECK

RELEASE_FINDING = {
    "rule": "the check, or the kind of the hazard",
    "level": "`error` for a failed check, `warning` for a hazard",
    "message": "what was found",
    "path": "the file, relative to the git repository; empty if it is not about a file",
    "line": "the line; 0 if it is unknown",
    "revision": "the revision, or empty",
    "allowed": "why the script allows the hazard; empty here, because `check` reports no allowed ones",
}
RELEASE_CHECK = {**CHECK, "findings": "a list of findings of the release"}
STATUS_REPORT = {
    "project": "the project's name, or the name of its folder",
    "head": "the revision that the release leads to",
    "at": "when the databases were read",
    "environments": "a list of reports of environments",
    "dagster_error": "why requests could not be read, or empty",
}
ENVIRONMENT_REPORT = {
    "environment": "the environment",
    "gated": "whether it needs approvals",
    "verdict": "its verdict",
    "revision": "its revision",
    "since": "when the ledger's last row led to this revision; empty if it is not recorded",
    "pending": "its pending revisions",
    "server": "the PostgreSQL version",
    "fingerprint": "the live schema's fingerprint",
    "drift": "the changes from the expected to the live schema, a line each",
    "drift_since": "when Dagster first recorded the drift; empty if it has not",
    "unmanaged": "objects in scope that no revision knows, and that do not count",
    "waiting": "a list of waiting requests",
    "error": "why the database could not be read, or empty",
}
WAITING = {
    "act": "what is requested",
    "start": "the revision before",
    "end": "the revision after",
    "requester": "who requested it",
    "requested": "when it was requested",
    "expires": "when the request expires",
    "approvals": "how many approvals there are and are needed, and why the request is void",
    "what_to_do": "the next command",
}
DDL = {
    "at": "when the statement was executed",
    "who": "the role that logged in",
    "application": "the application_name of the session, which it can choose",
    "command": "the command tag",
    "object": "kind and name of the object; empty if the server does not name it",
}
