"""The choices of a run that a signed approval contains."""

from wish_rollout.config import Config
from wish_rollout.core.plan.action import Action
from wish_rollout.defs.gate.approval_events import RecordedRequest


def choices_from_signed_text(recorded: RecordedRequest, config: Config) -> dict[str, list[str]]:
    """Return the choices of a resumed run.

    The signed text determines the choice for the requested environment, and the record those for the others.
    """
    subject = recorded.request.subject
    acts = subject.act.split(", ")  # those of the targets of a wave
    others = [env for env in config.environments if env.name != subject.environment]
    adopt = [env.name for env in others if env.name in recorded.choices.adopt]
    if Action.ADOPT in acts:
        adopt.append(subject.environment)
    clean = [env.name for env in others if env.name in recorded.choices.clean and env.disposable]
    replan = [env.name for env in others if env.name in recorded.choices.replan]
    if Action.REPLAN in acts:
        replan.append(subject.environment)
    return {"adopt": adopt, "clean": clean, "replan": replan}
