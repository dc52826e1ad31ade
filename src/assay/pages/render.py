"""Rendering: one template and its values become one self-contained page.

The page holds its style and no script, and forbids both others' styles and any script by a content security policy
that knows the style by its digest: what an attacker writes into a data set cannot run in a report.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

EVIDENCE_ID = re.compile(r"(E-\d{6,})")  # in a group, so that splitting keeps the ids


def render(package: str, template: str, **values: Any) -> str:
    """Fill a template of `package` (its folder `templates`); it may extend `base.html` and import `parts.html`.

    Args:
        package: Dotted name of the package that owns the template.
        template: File name.
        values: What the template names; a missing one is an error, not an empty page.
    """
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    trusted = Markup(style)  # noqa: S704 - our own file
    return _environment(package).get_template(template).render(style=trusted, style_digest=digest, **values)


@cache
def _style() -> str:
    return files("assay.pages").joinpath("templates/style.css").read_text(encoding="utf-8")


@cache
def _environment(package: str) -> Environment:
    loader = ChoiceLoader([PackageLoader(package), PackageLoader("assay.pages")])
    environment = Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    filters = (figure, signed, percent, p_value, count, moment, linked, coded)
    environment.filters |= {one.__name__: one for one in filters}
    return environment


def figure(value: float | None, digits: int = 4) -> str:
    """A number with fixed decimals, large ones with fewer; what is undefined says so."""
    if value is None or math.isnan(value):
        return "undefined"
    return _typeset(f"{value:,.{digits if abs(value) < 100 else 1}f}")


def signed(value: float | None, digits: int = 4) -> str:
    """A difference, always with its sign."""
    return "undefined" if value is None or math.isnan(value) else _typeset(f"{value:+.{digits}f}")


def percent(value: float | None, digits: int = 1) -> str:
    return "undefined" if value is None or math.isnan(value) else _typeset(f"{value:.{digits}%}")


def p_value(value: float | None) -> str:
    """Three decimals; below them a bound, and nothing where there was no test."""
    if value is None or math.isnan(value):
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _typeset(number: str) -> str:
    """A real minus sign, and none before a zero that only rounding made."""
    is_zero = not number.strip("+-0.,%")
    return number.lstrip("+-") if is_zero else number.replace("-", "\N{MINUS SIGN}")


def count(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def moment(text: str) -> str:
    """An RFC 3339 time to the second, readable: 2026-11-21 10:21:07 UTC."""
    return f"{text[:10]} {text[11:19]} UTC" if len(text) >= 19 else text


def linked(text: str, known: frozenset[str]) -> Markup:
    """Escape text and let every evidence id that the page lists lead to its line."""
    parts = EVIDENCE_ID.split(text)
    return Markup("").join(_link(part) if part in known else escape(part) for part in parts)


def coded(text: str) -> Markup:
    """Escape text and set what stands between backticks as code."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )


def _link(evidence_id: str) -> Markup:
    return Markup('<a class="id" href="#{0}">{0}</a>').format(evidence_id)
