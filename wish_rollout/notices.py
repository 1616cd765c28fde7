"""Sending a message by apprise (BSD-2-Clause), which knows the services: mail, Slack, Teams, webhooks, and more.

An address holds tokens. So nothing that apprise says or raises is passed on, nor what is logged below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.notifications import Event, Notification, NotificationNotSent
from wish_rollout.core.text.log_redaction import hushed
from wish_rollout.core.text.redaction import keep_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 15
"""A rollout waits no longer than this for a receiver that does not answer."""
TALKATIVE = ("apprise", "requests", "urllib3", "paho", "slixmpp", "gntp")
"""apprise, and what it sends with."""
KINDS: Mapping[Event, str] = {
    Event.WAITING: "info",
    Event.BREAK_GLASS: "warning",
    Event.DRIFT: "warning",
    Event.FAILED: "failure",
    Event.ROLLED_OUT: "success",
}


def send(notice: Notification, receiver: str, url: str) -> None:
    """Send a message to an address as apprise writes it; ``receiver`` names it. Raises NotSent."""
    service = opened(notice.title, receiver, url)
    title, text = notice.shown
    try:
        with hushed(*TALKATIVE):
            told = service.notify(
                title=title, body=text, notify_type=KINDS[notice.event], body_format="text", timeout=SECONDS
            )
    except Exception as error:  # noqa: BLE001  (whatever a service raises, a rollout does not fail of it)
        raise NotificationNotSent(notice.title, receiver, type(error).__name__) from None
    if not told:
        raise NotificationNotSent(notice.title, receiver, "the service did not take it")


def opened(title: str, receiver: str, url: str) -> Any:
    """Give apprise with this one address; raise NotSent where that is missing, or not understood."""
    if not url:
        raise NotificationNotSent(title, receiver, "it is not set")
    keep_secret(url)
    try:
        import apprise

        service = apprise.Apprise()
        with hushed(*TALKATIVE):
            understood = service.add(url)
    except ImportError:
        reason = "apprise is not installed: pip install 'wish-rollout[notify]'"
        raise NotificationNotSent(title, receiver, reason) from None
    except Exception as error:  # noqa: BLE001  (an address may be anything, and so may what comes of it)
        raise NotificationNotSent(title, receiver, type(error).__name__) from None
    if not understood:
        raise NotificationNotSent(title, receiver, "what it holds is no address that apprise understands")
    return service
