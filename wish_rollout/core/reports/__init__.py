"""Texts of a release report for code hosts: one function a format, from the same values."""

from wish_rollout.core.reports.github import github_text
from wish_rollout.core.reports.gitlab import gitlab_text
from wish_rollout.core.reports.junit import junit_text
from wish_rollout.core.reports.markdown import markdown_text
from wish_rollout.core.reports.sarif import sarif_text

FORMATS = {
    "github": github_text,
    "gitlab": gitlab_text,
    "sarif": sarif_text,
    "junit": junit_text,
    "markdown": markdown_text,
}
"""Format → function from a report to the text."""

__all__ = ["FORMATS", "github_text", "gitlab_text", "junit_text", "markdown_text", "sarif_text"]
