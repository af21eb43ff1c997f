"""HTML from Python in which text is escaped unless it is known to be HTML already."""

import html
from typing import Any


class Markup(str):
    """Text that is HTML already, and goes into a page as it is."""


def element(name: str, *children: Any, **attributes: Any) -> Markup:
    """An element such as `element("td", 3, class_="number")`; every child and attribute is escaped.

    Args:
        name: of the tag. Void elements (`img`) take no children.
        children: `Markup` as it is, anything else as escaped text; None is left out.
        attributes: `class_` stands for `class`, `aria_label` for `aria-label`. None and False are left out, True
            stands without a value.
    """
    head = name
    for key, value in attributes.items():
        if value is not None and value is not False:
            key = key.rstrip("_").replace("_", "-")
            head += f" {key}" if value is True else f' {key}="{html.escape(str(value))}"'
    return Markup(f"<{head}>" if name in VOID else f"<{head}>{join(*children)}</{name}>")


def join(*children: Any) -> Markup:
    """Children one after the other, escaped as in `element`."""
    return Markup("".join(_escaped(child) for child in children if child is not None))


VOID = ("br", "img")


def _escaped(child: Any) -> str:
    return child if isinstance(child, Markup) else html.escape(str(child))
