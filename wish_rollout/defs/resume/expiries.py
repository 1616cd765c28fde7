"""Requests that have expired since the last tick of ``resume_on_approval``: a notification tells the end of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wish_rollout.core.notifications import Event, Notification
from wish_rollout.defs.gate import approval_store
from wish_rollout.defs.runs.notifications import notify_without_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import dagster as dg

    from wish_rollout.core.approval.documents import Request
    from wish_rollout.rollout.project.project import Project

NONCE_CHARACTERS = 12


def waiting_entry(request: Request) -> str:
    """Return what the cursor keeps of a request that waits: its environment and the beginning of its nonce."""
    return f"{request.subject.environment}:{request.nonce[:NONCE_CHARACTERS]}"


def notify_of_expired(
    project: Project, instance: dg.DagsterInstance, waited: Iterable[str], log: Callable[[str], None]
) -> None:
    """Notify of each request that waited at the last tick, unless it is open, rejected, used or has an approval.

    A run whose request was approved in time may continue after the end of the request's life.

    ``waited``: what ``waiting_entry`` returned then. ``log``: called with the text of each failed delivery.
    """
    config = project.config
    gated = {env.name for env in config.environments if env.gated}
    for entry in waited:
        name, _, nonce = entry.rpartition(":")
        if name not in gated:
            continue
        recorded = approval_store.read_open_requests(instance, name, config.project.name)
        known = {each.request.nonce for each in recorded}
        known |= approval_store.read_ended_requests(instance, name, config.project.name)
        documents = approval_store.read_approval_documents(instance, name, config.project.name)
        known |= set(map(approval_store.approval_nonce, documents))
        if not any(each.startswith(nonce) for each in known):
            text = (
                f"The request {nonce}… has expired, and no approval of it was recorded. An approval of it is not accepted "
                "any more.\n\nrequest an approval again: wish-rollout apply"
            )
            notice = Notification(Event.EXPIRED, name, f"{name}: request expired", text)
            notify_without_run(config, notice, log)
