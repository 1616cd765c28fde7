"""Sends notifications with apprise (BSD-2-Clause), which supports mail, Slack, Teams, webhooks and other services.

A receiver's URL contains tokens. Therefore the messages, exceptions and log records of apprise are not passed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wish_rollout.core.notifications import Event, Notification, NotificationNotSent
from wish_rollout.core.text.log_redaction import suppressed_logs
from wish_rollout.core.text.redaction import register_password

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 15
"""Timeout of a request to a receiver, in seconds."""
LIBRARIES = ("apprise", "requests", "urllib3", "paho", "slixmpp", "gntp")
"""apprise and the libraries that it sends notifications with. Their log records are suppressed."""
NOTIFICATION_TYPES: Mapping[Event, str] = {
    Event.WAITING: "info",
    Event.REJECTED: "info",
    Event.EXPIRED: "info",
    Event.BREAK_GLASS: "warning",
    Event.DRIFT: "warning",
    Event.DRIFT_ENDED: "success",
    Event.UNREACHABLE: "warning",
    Event.REACHABLE: "success",
    Event.FAILED: "failure",
    Event.FAILED_ENDED: "success",
    Event.ROLLED_OUT: "success",
}


def send(notice: Notification, receiver: str, url: str) -> None:
    """Send a notification; raise ``NotificationNotSent``.

    ``receiver``: the name of the receiver, for errors. ``url``: an apprise URL.
    """
    service = open_receiver(notice.title, receiver, url)
    title, text = notice.safe_title_and_text
    try:
        with suppressed_logs(*LIBRARIES):
            is_sent = service.notify(
                title=title,
                body=text,
                notify_type=NOTIFICATION_TYPES[notice.event],
                body_format="text",
                timeout=SECONDS,
            )
    except Exception as error:  # noqa: BLE001  (an error of a service must not fail the rollout)
        raise NotificationNotSent(notice.title, receiver, type(error).__name__) from None
    if not is_sent:
        raise NotificationNotSent(notice.title, receiver, "the service rejected it")


def open_receiver(title: str, receiver: str, url: str) -> Any:
    """Return an apprise object with one receiver; raise ``NotificationNotSent`` if the URL is empty or invalid.

    ``title``: the title of the notification, for errors. ``receiver``: the name of the receiver, for errors.
    """
    if not url:
        raise NotificationNotSent(title, receiver, "it is not set")
    register_password(url)
    try:
        import apprise

        service = apprise.Apprise()
        with suppressed_logs(*LIBRARIES):
            is_valid = service.add(url)
    except ImportError:
        reason = "apprise is not installed: pip install 'wish-rollout[notify]'"
        raise NotificationNotSent(title, receiver, reason) from None
    except Exception as error:  # noqa: BLE001  (an invalid URL can raise any error)
        raise NotificationNotSent(title, receiver, type(error).__name__) from None
    if not is_valid:
        raise NotificationNotSent(title, receiver, "its value is not an apprise URL")
    return service
