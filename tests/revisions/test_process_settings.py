"""What the project's code does to the logging of the process that runs it."""

from __future__ import annotations

import logging
import logging.config

import pytest

from wish_rollout.revisions.script_folder.process_settings import protect_process


def configure(**changes: object) -> None:
    settings = {
        "version": 1,
        "handlers": {"kept": {"class": "logging.NullHandler"}, "root": {"class": "logging.StreamHandler"}},
        "loggers": {
            "application.task": {"handlers": ["kept"], "level": "DEBUG"},
            "known": {"level": "DEBUG"},
        },
        "root": {"handlers": ["root"], "level": "DEBUG"},
    }
    logging.config.dictConfig({**settings, **changes})


@pytest.fixture
def known() -> logging.Logger:
    """A logger that was there before, with a handler of its own."""
    logger = logging.getLogger("known")
    logger.handlers[:], logger.level, logger.disabled = [logging.NullHandler()], logging.ERROR, False
    return logger


def test_an_application_finds_its_logging_configured(known: logging.Logger) -> None:
    """As Airflow asks for it: its settings are refused if a logger does not have the handler that they name."""
    before = known.handlers[:], logging.root.handlers[:], logging.root.level
    with protect_process():
        logging.getLogger("application.task")
        configure()
        assert [handler.get_name() for handler in logging.getLogger("application.task").handlers] == ["kept"]
        assert (logging.root.handlers, logging.root.level) == before[1:]
    assert (known.handlers, logging.root.handlers, logging.root.level) == before
    assert (known.level, known.disabled) == (logging.ERROR, False)


def test_handlers_of_the_process_are_not_closed(known: logging.Logger) -> None:
    closed: list[str] = []
    handler = logging.NullHandler()
    handler.close = lambda: closed.append("closed")  # type: ignore[method-assign]
    known.addHandler(handler)
    with protect_process():
        configure(disable_existing_loggers=True)
        assert not known.disabled
    assert closed == []


@pytest.mark.parametrize("changes", [{"handlers": {"root": {"class": "no.Such"}}}, {"version": 7}])
def test_logging_that_cannot_be_configured_stops_nothing(changes: dict[str, object]) -> None:
    with protect_process():
        configure(**changes)


def test_a_file_with_the_logging_of_alembic_is_left_out(known: logging.Logger) -> None:
    with protect_process():
        logging.config.fileConfig("no such file")
    assert not known.disabled
