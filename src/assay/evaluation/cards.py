"""The model card: what a version is, what it is for and what it is worth (CA-1), as Markdown and HTML.

Everything measured comes from evidence and names its record; what only a person can say comes from `card:` and
`brief:` of assay.yaml. What nobody has said is shown as missing, with the key to say it under.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from assay.config.settings import Settings
from assay.evaluation.records import Record, Records, metrics_of
from assay.ledger.evidence import Evidence
from assay.metrics.estimate import USUAL_LEVEL, level_text
from assay.metrics.index import METRICS
from assay.pages.render import figure, percent, render

MAX_SLICES = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing the card should say.

    Attributes:
        name: What it is about.
        text: What is said; empty where nobody has.
        remedy: How to say it, shown where it is missing.
        evidence: Ids of the records that it comes from.
    """

    name: str
    text: str
    remedy: str
    evidence: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        return not self.text.strip()


@dataclass(frozen=True, slots=True)
class CardSection:
    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """A model card, ready to be written.

    Attributes:
        model: `name@version`.
        stage: Where the version is in the registry.
        sections: What is said in words.
        metrics: Rows of name, value, interval, no information, rows, in words; empty where nothing was measured.
        slices: Rows of segment, rows, value, interval, verdict.
        measured: Where the figures come from, in a sentence; empty where nothing was measured.
        evidence: Ids of all records used, in order.
        level: Coverage of the intervals.
    """

    model: str
    stage: str
    sections: tuple[CardSection, ...]
    metrics: tuple[tuple[str, ...], ...]
    slices: tuple[tuple[str, ...], ...]
    measured: str
    evidence: tuple[str, ...]
    level: float = USUAL_LEVEL

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of what nobody has said yet."""
        unsaid = [entry.name for section in self.sections for entry in section.entries if entry.is_missing]
        return (*unsaid, *(() if self.metrics else ("Metrics",)))


METRIC_COLUMNS = ("Metric", "Value", "{level} interval", "No information", "Rows")
SLICE_COLUMNS = ("Segment", "Rows", "Value", "{level} interval", "Against the rest")


def card(version: Mapping[str, Any], evidences: Iterable[Evidence], settings: Settings) -> Card:
    """Gather what is known of a version.

    Args:
        version: `model` (`name@number`), `stage` and `registered` (id of its record), as the registry tells it.
        evidences: The records of the run that made it, in order.
        settings: The project's settings; `card`, `brief`, `owner`, `sources` and `retraining` are read.
    """
    records = Records(evidences)
    candidate = records.candidate()
    registered = next((one for one in records.all if one.id == version.get("registered")), None)
    sections = (
        _identity(version, registered, settings),
        _use(settings),
        _training_data(records, settings),
        _limits(records, candidate, settings),
        _maintenance(settings),
    )
    used = [one for section in sections for entry in section.entries for one in entry.evidence]
    measured = f"{candidate.summary}. [{candidate.id}]" if candidate is not None else ""
    if candidate is not None:
        used.append(candidate.id)
    return Card(
        model=str(version["model"]),
        stage=str(version.get("stage", "")),
        sections=sections,
        metrics=tuple(_metric_rows(candidate)),
        slices=tuple(_slice_rows(candidate)),
        measured=measured,
        evidence=tuple(dict.fromkeys(one for one in used if one)),
        level=_level_of(candidate),
    )


def markdown(card: Card) -> str:
    """The card as Markdown; text of the project cannot break out of its place."""
    lines = [f"# Model card: {escaped(card.model)}", "", f"Stage: {escaped(card.stage) or '**missing**'}", ""]
    for section in card.sections:
        lines += [f"## {section.title}", "", *entry_lines(section.entries), ""]
    lines += ["## Metrics", "", *metric_lines(card)]
    lines += ["## Evidence", "", evidence_line(card)]
    return "\n".join(lines) + "\n"


def entry_lines(entries: Iterable[Entry]) -> list[str]:
    """Entries as a Markdown list; each says what is known and where from, or what is missing and how to say it."""
    lines = []
    for entry in entries:
        said = f"**Missing.** {entry.remedy}" if entry.is_missing else escaped(entry.text)
        source = f" [{', '.join(entry.evidence)}]" if entry.evidence else ""
        lines.append(f"- **{entry.name}:** {said}{source}")
    return lines


def metric_lines(card: Card) -> list[str]:
    """What was measured, as Markdown: the sentence, the metrics and the segments."""
    lines = [escaped(card.measured) or "**Missing.** Run `assay run` or `assay evaluate`.", ""]
    lines += _md_table(headed(METRIC_COLUMNS, card), card.metrics)
    lines += _md_table(headed(SLICE_COLUMNS, card), card.slices)
    return lines


def evidence_line(card: Card) -> str:
    return f"Made from {', '.join(card.evidence) or 'no record'}. Check with `assay ledger verify`."


def html(card: Card) -> str:
    """The card as one self-contained page."""
    return render(
        "assay.evaluation",
        "card.html",
        card=card,
        metric_columns=headed(METRIC_COLUMNS, card),
        slice_columns=headed(SLICE_COLUMNS, card),
    )


def _identity(version: Mapping[str, Any], registered: Record | None, settings: Settings) -> CardSection:
    date = registered.time if registered is not None else str(version.get("since", ""))
    source = (registered.id,) if registered is not None else ()
    described = settings.card.description or settings.brief.business_objective
    return CardSection(
        "What it is",
        (
            Entry("Version", str(version["model"]), "Register the model.", source),
            Entry("Date", date[:10], "Register the model.", source),
            Entry("Owner", settings.owner, "Name one under `owner` in assay.yaml."),
            Entry("Description", described, "Write it under `card.description` in assay.yaml."),
            Entry("Predicts", settings.brief.prediction_target, "Write it under `brief.prediction_target`."),
            Entry("Bundle", str(version.get("bundle", "")), "Register the model.", source),
        ),
    )


def _use(settings: Settings) -> CardSection:
    said = settings.card
    consumer = settings.brief.prediction_consumer.replace("_", " ")
    return CardSection(
        "What it is for",
        (
            Entry("Intended use", said.intended_use, "Write it under `card.intended_use` in assay.yaml."),
            Entry("Out-of-scope use", said.out_of_scope_use, "Write it under `card.out_of_scope_use` in assay.yaml."),
            Entry("Consumer", consumer, "Say it under `brief.prediction_consumer`."),
        ),
    )


def _training_data(records: Records, settings: Settings) -> CardSection:
    entries = []
    for one in records.of("data.snapshot"):
        declared = settings.sources.get(one.about)
        origin = declared.origin if declared is not None else ""
        spans = [str(one.figures[end])[:10] for end in ("first", "last") if one.figures.get(end)]
        text = f"{one.figures.get('rows', 0):,} rows" + (f", {spans[0]} to {spans[-1]}" if spans else "")
        text += f", content digest {str(one.figures.get('digest', ''))[:16]}"
        entries.append(Entry(f"Source {one.about}", text, "", (one.id,)))
        entries.append(Entry(f"Origin of {one.about}", origin, f"Say it under `sources.{one.about}.origin`."))
    if not entries:
        entries.append(Entry("Source", "", "No snapshot was recorded; run `assay run`."))
    split, quality = records.last("data.split"), records.last("data.quality")
    entries.append(_from_record("Parts", split, "No split was recorded; run `assay run`."))
    entries.append(_from_record("Quality", quality, "Quality was not assessed; run `assay assess`."))
    entries.append(Entry("Known biases", settings.card.known_biases, "Write them under `card.known_biases`."))
    return CardSection("Training data", tuple(entries))


def _limits(records: Records, candidate: Record | None, settings: Settings) -> CardSection:
    entries = [
        Entry("Limitations", settings.card.limitations, "Write them under `card.limitations` in assay.yaml."),
        Entry("Data gaps", settings.brief.data_gaps, "Write them under `brief.data_gaps`."),
        Entry("Ethics", settings.brief.ethical_considerations, "Write them under `brief.ethical_considerations`."),
    ]
    if candidate is not None and candidate.figures.get("notes"):
        entries.append(Entry("Seen in evaluation", " ".join(candidate.figures["notes"]), "", (candidate.id,)))
    behaviour = records.last("model.behaviour")
    if behaviour is not None:
        entries.append(_from_record("Behavioural tests", behaviour, ""))
    doubts = [one for one in records.of("leakage.") if one.verdict in ("warn", "fail")]
    entries.extend(Entry("Leakage check with doubts", one.summary, "", (one.id,)) for one in doubts)
    for gate in records.of("gate."):
        overridden = [one for one in gate.figures.get("conditions", ()) if one.get("override")]
        entries.extend(Entry("Overridden condition", _override(one), "", (gate.id,)) for one in overridden)
    return CardSection("Limits and ethics", tuple(entries))


def _maintenance(settings: Settings) -> CardSection:
    plan = settings.retraining
    hours = plan.cooldown / timedelta(hours=1)
    months = "all data" if plan.months is None else f"the last {plan.months} months"
    text = f"on {months}, at most once in {hours:g} hours, {'with' if plan.tune else 'without'} a new search"
    return CardSection(
        "Maintenance",
        (
            Entry("Care", settings.card.maintenance, "Write it under `card.maintenance` in assay.yaml."),
            Entry("Retraining", text, ""),
        ),
    )


def _from_record(name: str, record: Record | None, remedy: str) -> Entry:
    return Entry(name, "", remedy) if record is None else Entry(name, record.summary, remedy, (record.id,))


def _override(condition: Mapping[str, Any]) -> str:
    override = condition["override"]
    return f"{condition['name']} ({condition['reason']}), by {override['by']}: {override['reason']}"


def _metric_rows(candidate: Record | None) -> Iterable[tuple[str, ...]]:
    if candidate is None:
        return
    floors = candidate.figures.get("no_information", {})
    for name, one in metrics_of(candidate).items():
        floor = figure(floors[name]) if name in floors else "–"
        label = METRICS[name].label if name in METRICS else name
        yield label, figure(one["value"]), _interval(one), floor, f"{one['n']:,}"


def _slice_rows(candidate: Record | None) -> Iterable[tuple[str, ...]]:
    if candidate is None:
        return
    for one in candidate.figures.get("slices", ())[:MAX_SLICES]:
        judged = "too few rows" if one["p_adjusted"] is None else "worse" if one["worse"] else "no worse"
        segment = f"{one['column']} = {one['value']} ({percent(one['n'] / candidate.figures['n'], 0)})"
        yield segment, f"{one['n']:,}", figure(one["estimate"]["value"]), _interval(one["estimate"]), judged


def headed(columns: tuple[str, ...], card: Card) -> tuple[str, ...]:
    """Headings of a table, with the level that the intervals cover."""
    return tuple(name.format(level=level_text(card.level)) for name in columns)


def _level_of(candidate: Record | None) -> float:
    """Coverage of the primary metric's interval, which is that of all."""
    if candidate is None:
        return USUAL_LEVEL
    return float(candidate.figures["metrics"][candidate.figures["primary"]].get("level", USUAL_LEVEL))


def _interval(estimate: Mapping[str, Any]) -> str:
    return "none" if estimate["low"] is None else f"{figure(estimate['low'])} to {figure(estimate['high'])}"


def _md_table(columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> list[str]:
    if not rows:
        return []
    lines = [f"| {' | '.join(columns)} |", f"|{'|'.join([' --- ', *[' ---: '] * (len(columns) - 1)])}|"]
    return [*lines, *(f"| {' | '.join(escaped(cell) for cell in row)} |" for row in rows), ""]


def escaped(text: str) -> str:
    """Text on one line, with what Markdown or HTML would read as markup made plain."""
    plain = " ".join(text.split())
    for mark in "\\`*_[]<>|#":
        plain = plain.replace(mark, f"\\{mark}")
    return plain
