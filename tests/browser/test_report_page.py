"""The page of `report --html` in a browser: light and dark, on a phone, without scripts and without other files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tests.browser.dagster_pages import run_command

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.fix_project import Workspace

PHONE = 375
CONTRASTS = """() => {
    const luminance = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(value => {
            const part = value / 255;
            return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const background = element => {
        for (let each = element; each; each = each.parentElement) {
            const colour = getComputedStyle(each).backgroundColor;
            if (colour !== "rgba(0, 0, 0, 0)") return colour;
        }
        return "rgb(255, 255, 255)";
    };
    return [...document.body.querySelectorAll("*")]
        .filter(each => [...each.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()))
        .map(each => {
            const [low, high] = [getComputedStyle(each).color, background(each)].map(luminance).sort((a, b) => a - b);
            return [each.tagName, each.textContent.trim().slice(0, 40), (high + 0.05) / (low + 0.05)];
        });
}"""
"""The contrast of each text with its background, as WCAG 2.1 defines it."""


def test_report_is_readable_in_light_and_dark_on_a_phone(browser: Browser, workspace: Workspace) -> None:
    file = workspace.root / "schemas.html"
    run_command(workspace, 3, "apply")
    run_command(workspace, 0, "report", "--html", str(file))
    colours = {read_report(browser, file, "light"), read_report(browser, file, "dark")}
    assert len(colours) == 2


def read_report(browser: Browser, file: Path, scheme: Literal["light", "dark"]) -> str:
    """Read the page as a person on a phone does; return the colour of its background."""
    context = browser.new_context(
        viewport={"width": PHONE, "height": 800}, color_scheme=scheme, java_script_enabled=False
    )
    with context:
        page = context.new_page()
        page.goto(file.as_uri())
        text = page.inner_text("body")
        assert page.evaluate("performance.getEntriesByType('resource').map(each => each.name)") == []
        assert [name for name in ("local", "staging", "prod", "0 of 1") if name not in text] == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        assert [each for each in page.evaluate(CONTRASTS) if each[2] < 4.5] == []
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))
