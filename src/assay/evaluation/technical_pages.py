"""The technical file as Markdown and as a page: what is missing first, then the nine sections, point by point."""

from __future__ import annotations

from assay.evaluation.cards import METRIC_COLUMNS, SLICE_COLUMNS, entry_lines, escaped, headed, metric_lines
from assay.evaluation.technical_file import TechnicalFile
from assay.pages.render import render

WITH_FIGURES = "3-performance"


def markdown(file: TechnicalFile) -> str:
    """The file as Markdown; text of the project cannot break out of its place."""
    lines = [
        f"# Technical file: {escaped(file.card.model)}",
        "",
        f"By {file.source}; the headings are our own words.",
        "",
    ]
    lines += [f"**{gaps_text(file)}**", ""]
    lines += [f"- {number}, {escaped(gap.name)}: {gap.remedy}" for number, gap in file.gaps]
    for section, answers in file.sections:
        lines += ["", f"## {section.number}. {section.title}", ""]
        for answer in answers:
            lines += [f"### {answer.point.key}: {answer.point.asks}", "", *entry_lines(answer.entries), ""]
            if answer.point.key == WITH_FIGURES:
                lines += metric_lines(file.card)
    lines += ["", "## Records", "", f"Made from {len(file.evidence)} records: {', '.join(file.evidence) or 'none'}."]
    return "\n".join(lines) + "\n\nCheck them with `assay ledger verify`; `assay ledger show ID` prints one.\n"


def html(file: TechnicalFile) -> str:
    """The file as one self-contained page."""
    return render(
        "assay.evaluation",
        "technical_file.html",
        file=file,
        card=file.card,
        gaps_text=gaps_text(file),
        with_figures=WITH_FIGURES,
        metric_columns=headed(METRIC_COLUMNS, file.card),
        slice_columns=headed(SLICE_COLUMNS, file.card),
    )


def gaps_text(file: TechnicalFile) -> str:
    """How much a person must still write, in a sentence."""
    n_gaps, n_points = len(file.gaps), len(file.answers)
    open_points = len({number for number, _ in file.gaps})
    if not n_gaps:
        return f"Nothing is missing: all {n_points} points are answered. Whether they suffice, a person must judge."
    things = "1 thing is" if n_gaps == 1 else f"{n_gaps} things are"
    return f"{things} missing, in {open_points} of {n_points} points"
