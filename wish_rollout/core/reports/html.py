"""A page of HTML as a tree of elements. The serializer escapes each text and each attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from wish_rollout.core.text.redaction import escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterable

STYLE = """
:root { color-scheme: light dark; --line: #d0d7de; --soft: #57606a; --ok: #1a7f37; --warn: #9a6700; --bad: #cf222e;
  --card: #f6f8fa; }
* { box-sizing: border-box; }
body { background: #ffffff; color: #1f2328; font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 64rem;
  overflow-wrap: anywhere; padding: 1rem; }
@media (prefers-color-scheme: dark) {
  :root { --line: #30363d; --soft: #8b949e; --ok: #3fb950; --warn: #d29922; --bad: #f85149; --card: #161b22; }
  body { background: #0d1117; color: #e6edf3; }
}
h1 { font-size: 1.4rem; } h2 { font-size: 1.15rem; margin: 0; }
section { background: var(--card); border: 1px solid var(--line); border-left: .4rem solid var(--line); border-radius: .4rem;
  margin: 1rem 0; padding: .8rem 1rem; }
section.ok { border-left-color: var(--ok); } section.warn { border-left-color: var(--warn); }
section.bad { border-left-color: var(--bad); }
.state { font-weight: 600; } .ok .state { color: var(--ok); } .warn .state { color: var(--warn); }
.bad .state { color: var(--bad); }
dl { display: grid; gap: .2rem 1rem; grid-template-columns: minmax(7rem, max-content) minmax(0, 1fr); margin: .6rem 0; }
dt, footer { color: var(--soft); } dd { margin: 0; }
pre { border: 1px solid var(--line); border-radius: .3rem; overflow-x: auto; padding: .5rem; white-space: pre-wrap; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The page loads nothing and executes nothing, whatever it contains."""


def element(tag: str, /, *children: ET.Element | str, **attributes: str) -> ET.Element:
    """Return an element. A text among the children is data. ``cls`` is the attribute ``class``."""
    named = {("class" if key == "cls" else key): _printable(value) for key, value in attributes.items()}
    made = ET.Element(tag, named)
    for child in children:
        if isinstance(child, ET.Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + _printable(child)
        else:
            made.text = (made.text or "") + _printable(child)
    return made


def definitions(pairs: Iterable[tuple[str, str]]) -> ET.Element:
    """Return a list of names and values, without empty values."""
    shown = [(name, value) for name, value in pairs if value]
    return element(
        "dl", *(part for name, value in shown for part in (element("dt", name), element("dd", value)))
    )


def page(title: str, *content: ET.Element) -> str:
    """Return a complete page in one file, without scripts."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", **{"http-equiv": "Content-Security-Policy", "content": POLICY}),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", STYLE),
    )
    html = element("html", head, element("body", *content), lang="en")
    ET.indent(html.find("body") or html)
    return f"<!DOCTYPE html>\n{ET.tostring(html, encoding='unicode', method='html')}\n"


def _printable(text: str) -> str:
    return escape_unprintable(text)
