"""The page of `report --html`: one file, nothing executed or loaded, each value shown as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from wish_rollout.core.plan.verdict import Verdict
from wish_rollout.core.reports.html import element, page
from wish_rollout.core.reports.status_page import STATES, status_page
from wish_rollout.core.reports.status_report import EnvironmentReport, StatusReport, WaitingRequest

HOSTILE = (
    '"><script>alert(1)</script><img src=x onerror=alert(2)></style></pre>&lt; \x00\x1b[2J \u202e \ud800 -->'
)
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "section", "dl", "dt", "dd", "pre", "code", "div",
    "footer",
}  # fmt: skip


class Page(HTMLParser):
    """The elements of a page, their attributes and their texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def hostile_report(verdict: Verdict) -> StatusReport:
    request = WaitingRequest(*[HOSTILE] * 8)
    environment = EnvironmentReport(
        HOSTILE, True, verdict.value, HOSTILE, HOSTILE, (HOSTILE,), HOSTILE, HOSTILE, (HOSTILE, HOSTILE),
        HOSTILE, (HOSTILE,), (request,), HOSTILE,
    )  # fmt: skip
    return StatusReport(HOSTILE, HOSTILE, HOSTILE, (environment, environment), HOSTILE)


@pytest.mark.parametrize("verdict", Verdict)
def test_each_value_is_shown_as_text(verdict: Verdict) -> None:
    text = status_page(hostile_report(verdict))
    text.encode()
    shown = Page(text)

    assert set(shown.elements) <= ALLOWED
    assert {name for name, _ in shown.attributes} <= {
        "charset",
        "name",
        "content",
        "http-equiv",
        "class",
        "lang",
    }
    assert not {"\x00", "\x1b", "\u202e"} & set(text)
    assert "".join(shown.texts).count("<script>alert(1)</script>") > 20
    assert STATES[verdict][1] in "".join(shown.texts)


def test_page_loads_nothing_and_adapts_to_the_colour_scheme_and_the_screen() -> None:
    text = status_page(hostile_report(Verdict.IN_STEP))
    style = text.partition("<style>")[2].partition("</style>")[0]

    assert "default-src 'none'" in text
    assert not re.search(r"https?://|url\(|@import", style)
    assert "prefers-color-scheme: dark" in style
    assert "width=device-width" in text
    assert re.search(r"@media \(max-width: \d+rem\)", style)


def test_serializer_keeps_text_and_order() -> None:
    text = page("a < b", element("p", "one ", element("code", "two & <b>"), " three"))
    assert "<title>a &lt; b</title>" in text
    assert "<p>one <code>two &amp; &lt;b&gt;</code> three</p>" in text


def test_environment_that_waits_is_not_shown_as_in_order() -> None:
    request = WaitingRequest(
        "upgrade", "1", "2", "", "t", "t", "0 of 1 approvals", "wish-rollout approve prod"
    )
    waiting = EnvironmentReport("prod", True, Verdict.IN_STEP, "1", "", waiting=(request,))
    text = status_page(StatusReport("shop", "1", "now", (waiting,)))
    assert '<section class="warn">' in text
    assert "by an unknown person" in text
    assert "not recorded" in text
