"""Telling those who want to know; whatever comes of it, the rollout goes on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wish_rollout.config import SANDBOX_VARIABLE
from wish_rollout.core.errors.base import RolloutError
from wish_rollout.core.notifications import Notification, NotificationNotSent
from wish_rollout.notices import opened, send

if TYPE_CHECKING:
    from collections.abc import Callable

    from wish_rollout.config import Config, ReceiverConfig


def send_to_receivers(config: Config, notice: Notification, log: Callable[[str], None]) -> None:
    """Tell every receiver that wants it; ``log`` is given what could not be told. Raises nothing of ours.

    What happens in the sandbox concerns nobody.
    """
    if os.environ.get(SANDBOX_VARIABLE):
        return
    for receiver in config.notify:
        if receiver.wants(notice):
            try:
                send(notice, receiver.source, _url(config, receiver, notice.title))
            except RolloutError as error:
                log(error.fill(error.summary))


def check_receiver(config: Config, receiver: ReceiverConfig) -> str:
    """Say that a receiver's address is understood; nothing is sent. Raises NotSent."""
    service = opened("doctor", receiver.source, _url(config, receiver, "doctor"))
    (name,) = (each.service_name for each in service)
    return f"{name}, told of {', '.join(receiver.on) or 'nothing'}"


def _url(config: Config, receiver: ReceiverConfig, title: str) -> str:
    try:
        return receiver.url(config.root)
    except RolloutError as error:
        raise NotificationNotSent(title, receiver.source, error.fill(error.summary).rstrip(".")) from None
