"""The data report: an understanding as one self-contained page, for a screen and for paper.

Computes no figure; it chooses what to show first. Findings come first, then all columns on one line each, then each
column by itself. Long sources stay readable: beyond a limit, lines and cards are folded away or left to the JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from assay.data.understanding import charts
from assay.data.understanding.column import Column
from assay.data.understanding.correlations import STRONG
from assay.data.understanding.coverage import RULE as GAP_RULE
from assay.data.understanding.distributions import LARGEST_EXACT, number_words
from assay.data.understanding.outliers import RULE as OUTLIER_RULE
from assay.data.understanding.provenance import PARTIES
from assay.data.understanding.proxies import RULE as PROXY_RULE
from assay.data.understanding.understanding import MOST_COLUMNS, MOST_COMPARED, Understanding
from assay.ledger.evidence import Verdict
from assay.pages.render import render
from assay.pages.svg import tag

VERDICTS: Mapping[str, Verdict] = {"act": "warn", "look": "info"}
MOST_CARDS = 300
MOST_LINES = 60  # of the table of columns that are not folded away
MOST_OPEN = 30  # with so many columns every card is open
MOST_PAIRS = 15
MOST_GROUPS = 6  # of a protected attribute


def data_report(found: Understanding, *, title: str) -> str:
    """The page as HTML.

    Args:
        found: What is known of the source.
        title: Name of the project.
    """
    about = _findings_by_column(found)
    carded = _carded(found, about)
    anchors = {one.name: f"column-{number}" for number, one in enumerate(found.columns) if one.name in carded}
    return render(
        "assay.data.understanding",
        "data_report.html",
        title=title,
        found=found,
        facts=_facts(found),
        findings=[{"verdict": VERDICTS[one.level], "what": one.what, "do": one.do} for one in found.findings],
        provenance=_provenance(found),
        lines=[_line(one, found, about, anchor=anchors.get(one.name, "")) for one in found.columns],
        most_lines=MOST_LINES,
        cards=[_card(one, found, about, anchor=anchors[one.name]) for one in found.columns if one.name in anchors],
        n_without_card=len(found.columns) - len(carded),
        all_open=len(found.columns) <= MOST_OPEN,
        label=_label(found),
        correlations=_correlations(found),
        coverage=_coverage(found),
        protected=[_protected(one) for one in found.protected],
        rules={"outliers": OUTLIER_RULE, "gaps": GAP_RULE, "proxies": PROXY_RULE},
        limits={"columns": MOST_COLUMNS, "compared": MOST_COMPARED, "cards": MOST_CARDS},
        sampled=found.n_sampled < found.n_rows,
    )


def _findings_by_column(found: Understanding) -> dict[str, list[str]]:
    about: dict[str, list[str]] = {}
    for finding in found.findings:
        for column in finding.columns:
            about.setdefault(column, []).append(finding.level)
    return about


def _carded(found: Understanding, about: Mapping[str, Sequence[str]]) -> set[str]:
    """Columns that get a card: those with findings first, then those that tell most of the label, then the others."""

    def rank(column: Column) -> tuple[int, float]:
        tells = found.associations.get(column.name)
        return (0 if column.name in about else 1), -(tells.strength if tells else 0.0)

    return {one.name for one in sorted(found.columns, key=rank)[:MOST_CARDS]}


def _facts(found: Understanding) -> list[dict[str, str]]:
    def fact(name: str, value: str, note: str = "") -> dict[str, str]:
        return {"name": name, "value": value, "note": note}

    kinds: dict[str, int] = {}
    for column in found.columns:
        kinds[column.kind] = kinds.get(column.kind, 0) + 1
    told = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items(), key=lambda item: -item[1]))
    n_columns = len(found.columns) + len(found.left_out)
    facts = [
        fact("Rows", f"{found.n_rows:,}", f"{found.n_sampled:,} compared" if found.n_sampled < found.n_rows else ""),
        fact("Columns", f"{n_columns:,}", told),
    ]
    if found.coverage:
        first, last = found.coverage.first, found.coverage.last
        facts.append(fact("Time", f"{first:%Y-%m-%d} to {last:%Y-%m-%d}", f"by {found.coverage.column}"))
    facts.append(fact("Missing", f"{found.missing_share:.1%}", "of all cells"))
    key = ", ".join(found.duplicates.key)
    repeated = f"and {found.duplicates.on_key:,} on the key {key}" if found.duplicates.on_key is not None else ""
    facts.append(fact("Repeated rows", f"{found.duplicates.exact:,}", repeated))
    if found.label:
        kind = " / ".join(found.label_classes[:4]) + (" / …" if len(found.label_classes) > 4 else "") or "a quantity"
        facts.append(fact("Label", found.label, kind))
    return facts


def _provenance(found: Understanding) -> list[tuple[str, str]]:
    said = found.provenance
    party = f"{said.party}-party: {PARTIES[said.party]}" if said.party else "not declared"
    return [
        ("Origin", said.origin or "not declared"),
        ("Party", party),
        ("Produced by", said.collected or "not declared"),
        ("Rows read", found.part),
    ]


def _line(column: Column, found: Understanding, about: Mapping[str, Sequence[str]], *, anchor: str) -> dict[str, Any]:
    tells = found.associations.get(column.name)
    levels = about.get(column.name, [])
    return {
        "name": column.name,
        "anchor": anchor,
        "kind": column.kind,
        "dtype": column.dtype,
        "missing": column.missing.share,
        "missing_meter": _meter(column.missing.share, "") if column.missing.n else "",
        "distinct": "" if column.distinct is None else f"{column.distinct:,}",
        "spark": charts.spark(column) or "",
        "tells": None if tells is None else tells.figure.value,
        "tells_meter": "" if tells is None else _meter(0.0 if tells.is_chance else tells.strength, "tells"),
        "verdict": "warn" if "act" in levels else "info" if levels else "",
    }


def _meter(share: float, kind: str) -> Markup:
    """A bar the size of a word, full at 1."""
    track = tag("rect", x=0, y=0, width=72, height=9, rx=2, class_="track")
    fill = tag("rect", x=0, y=0, width=72 * min(max(share, 0.0), 1.0), height=9, rx=2, class_=f"fill {kind}".strip())
    return tag("svg", track, fill, class_="meter", viewBox="0 0 72 9", role="img", aria_label=f"{share:.0%}")


def _card(column: Column, found: Understanding, about: Mapping[str, Sequence[str]], *, anchor: str) -> dict[str, Any]:
    tells = found.associations.get(column.name)
    picture = None
    if tells is not None:
        picture = charts.by_label(tells, column=column.name, label=found.label, classes=found.label_classes)
    return {
        "name": column.name,
        "anchor": anchor,
        "kind": column.kind,
        "dtype": column.dtype,
        "meaning": found.meanings.get(column.name, ""),
        "is_label": column.name == found.label,
        "distribution": charts.distribution(column),
        "beyond": column.distribution.bars.n_beyond if column.distribution and column.distribution.bars else 0,
        "by_label": picture,
        "facts": _figures(column),
        "tells": charts.figure_words(tells) if tells else "",
        "hides_values": column.kind in ("identifier", "text"),
        "findings": [
            {"verdict": VERDICTS[one.level], "what": one.what} for one in found.findings if column.name in one.columns
        ][:3],
        "is_open": "act" in about.get(column.name, []),
    }


def _figures(column: Column) -> list[tuple[str, str]]:
    missing = column.missing
    parts = [
        f"{n:,} {word}" for word, n in (("null", missing.null), ("nan", missing.nan), ("blank", missing.blank)) if n
    ]
    facts = [("missing", f"{missing.n:,} ({missing.share:.1%})" + (f": {', '.join(parts)}" if len(parts) > 1 else ""))]
    if column.distinct is not None:
        facts.append(("different values", f"{column.distinct:,}"))
    if column.distribution is None:
        return facts
    for name, value in column.distribution.figures.items():
        if name in ("zeros", "negative") and not value:
            continue
        facts.append((name, _words(value)))
    far = column.distribution.outliers
    if far is not None and column.kind == "number":
        ends = f"; the farthest {number_words(far.farthest)}" if far.n else ""
        facts.append(("far out", f"{far.n:,} ({far.n / far.of:.2%}){ends}"))
    return facts


def _words(value: Any) -> str:
    if isinstance(value, float):
        return number_words(value) if math.isfinite(value) else "beyond all bounds"
    return number_words(value) if isinstance(value, int) and abs(value) < LARGEST_EXACT else str(value)


def _label(found: Understanding) -> dict[str, Any] | None:
    if not found.associations:
        return None
    ranked = sorted(found.associations.items(), key=lambda item: (-item[1].strength, item[0]))
    n_chance = sum(one.is_chance for _, one in ranked)
    return {
        "name": found.label,
        "chart": charts.strongest(ranked, label=found.label),
        "n_left_out": max(0, len(ranked) - charts.MOST_RANKED),
        "n_chance": n_chance,
        "n": ranked[0][1].figure.n,
        "measure": ranked[0][1].measure,
    }


def _correlations(found: Understanding) -> dict[str, Any] | None:
    drawn = charts.correlations(found.correlations)
    if drawn is None:
        return None
    picture, n_shown = drawn
    strong = [one for one in found.correlations.pairs if abs(one.value) >= STRONG]
    return {
        "chart": picture,
        "n_shown": n_shown,
        "n_compared": len(found.correlations.names),
        "n_rows": found.correlations.n_rows,
        "strong": [
            {"one": one.one, "other": one.other, "value": one.value, "measure": one.measure, "n": one.n}
            for one in strong[:MOST_PAIRS]
        ],
        "n_strong": len(strong),
    }


def _coverage(found: Understanding) -> dict[str, Any] | None:
    if found.coverage is None:
        return None
    return {
        "chart": charts.covered(found.coverage),
        "value": found.coverage,
        "gaps": [
            (
                f"{one.after:%Y-%m-%d %H:%M}",
                f"{one.before:%Y-%m-%d %H:%M}",
                f"{one.length.total_seconds() / 86_400:,.1f}",
            )
            for one in found.coverage.gaps
        ],
    }


def _protected(one: Any) -> dict[str, Any]:
    shares = sorted(one.shares.items(), key=lambda item: -item[1])
    groups = list(one.proxies[0].auc_of) if one.proxies else []
    groups = groups[:1] if len(groups) == 2 else groups[:MOST_GROUPS]  # of two groups, one figure says both
    return {
        "column": one.column,
        "shares": ", ".join(f"{name} {share:.1%}" for name, share in shares[:8]) + (", …" if len(shares) > 8 else ""),
        "groups": groups,
        "proxies": one.proxies,
        "together": one.together,
        "together_group": one.together_group,
        "n_asked": one.n_asked,
        "n_rows": one.n_rows,
    }
