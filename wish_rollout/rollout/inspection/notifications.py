"""Delivery of notifications to the receivers of rollout.toml. A failed delivery does not fail the rollout."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wish_rollout.config import SANDBOX_VARIABLE
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.notifications import Notification, NotificationNotSent
from wish_rollout.notices import open_receiver, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.config import Config, ReceiverConfig


def send_to_receivers(config: Config, notice: Notification, log: Callable[[str], None]) -> None:
    """Send a notification to every receiver that accepts its event.

    ``log`` is called with the text of each failed delivery. Raises no RolloutError. In the sandbox, nothing is sent.
    """
    if os.environ.get(SANDBOX_VARIABLE):
        return
    for receiver in config.notify:
        if receiver.accepts(notice):
            try:
                send(notice, receiver.source, _url(config, receiver, notice.title))
            except RolloutError as error:
                log(error.fill(error.summary))


def check_receiver(config: Config, receiver: ReceiverConfig) -> str:
    """Return a receiver's service and events if its URL is valid. Sends nothing. Raises NotificationNotSent."""
    service = open_receiver("doctor", receiver.source, _url(config, receiver, "doctor"))
    (name,) = (each.service_name for each in service)
    return f"{name}, events {', '.join(receiver.on) or 'none'}"


def _url(config: Config, receiver: ReceiverConfig, title: str) -> str:
    try:
        return receiver.url(config.root)
    except RolloutError as error:
        raise NotificationNotSent(title, receiver.source, error.fill(error.summary).rstrip(".")) from None
