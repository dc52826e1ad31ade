"""The technical file of the EU AI Act, Annex IV (CA-2): what the ledger proves, and what a person must still write.

Takes the card, the records of the version's run, and records of the project's life around it. Every statement names its
record. What is missing is counted first in the file; nothing is written on a person's behalf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from assay.config.settings import Settings
from assay.evaluation.annex_iv import SECTIONS, SOURCE, AnnexSection, Point
from assay.evaluation.cards import Card, Entry
from assay.evaluation.records import Record, Records
from assay.ledger.evidence import Evidence
from assay.metrics.index import METRICS

MOST_CHANGES = 50
WATCHED = ("monitoring.drift", "monitoring.performance", "monitoring.quality", "retraining.trigger")


@dataclass(frozen=True, slots=True)
class Known:
    """What the points are filled from.

    Attributes:
        card: The model card of the version.
        run: Records of the run that made it.
        life: Records of every version of the project, and of monitoring, in order.
        settings: The project's settings.
    """

    card: Card
    run: Records
    life: Records
    settings: Settings

    def of_card(self, section: str, *names: str) -> list[Entry]:
        """Entries of a section of the card; all, or those named."""
        entries = next(one.entries for one in self.card.sections if one.title == section)
        return [one for one in entries if not names or one.name in names]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known on one point."""

    point: Point
    entries: tuple[Entry, ...]

    @property
    def gaps(self) -> tuple[Entry, ...]:
        return tuple(one for one in self.entries if one.is_missing)


@dataclass(frozen=True, slots=True)
class TechnicalFile:
    """The file, ready to be written.

    Attributes:
        card: The model card, whose figures stand in section 3.
        sections: The nine sections with an answer a point.
    """

    card: Card
    sections: tuple[tuple[AnnexSection, tuple[Answer, ...]], ...]
    source: str = SOURCE

    @property
    def answers(self) -> tuple[Answer, ...]:
        return tuple(answer for _, answers in self.sections for answer in answers)

    @property
    def gaps(self) -> tuple[tuple[str, Entry], ...]:
        """What a person must still write, each with the number of its point."""
        return tuple((answer.point.key, entry) for answer in self.answers for entry in answer.gaps)

    @property
    def evidence(self) -> tuple[str, ...]:
        """Ids of all records named, in order."""
        return tuple(
            dict.fromkeys(one for answer in self.answers for entry in answer.entries for one in entry.evidence)
        )


def technical_file(card: Card, run: Iterable[Evidence], life: Iterable[Evidence], settings: Settings) -> TechnicalFile:
    """Fill every point from evidence and settings.

    Args:
        card: What is known of the version.
        run: Records of the run that made it, in order.
        life: Records of kinds `model.registered` and `model.stage`, and of monitoring, of the whole project, in order.
        settings: The project's settings; `technical_file` holds what people wrote.
    """
    known = Known(card, Records(run), Records(life), settings)
    sections = tuple((section, tuple(_answer(point, known) for point in section.points)) for section in SECTIONS)
    return TechnicalFile(card, sections)


def _answer(point: Point, known: Known) -> Answer:
    fill = FILLS.get(point.key)
    entries = list(fill(known)) if fill is not None else []
    written = next((text for key, text in known.settings.technical_file.items() if key == point.key), "")
    if point.person or written:
        remedy = f"Write under `technical_file.{point.key}` in assay.yaml: {point.person}."
        entries.append(Entry("In a person's words", written, remedy))
    return Answer(point, tuple(entries))


def _proved(*records: Record | None, name: str = "") -> Iterator[Entry]:
    """What records say, each under its subject; nothing where there is no record."""
    for one in records:
        if one is not None:
            yield Entry(name or one.about, one.summary, "", (one.id,))


def _identity(known: Known) -> Iterator[Entry]:
    yield from known.of_card("What it is for", "Intended use", "Out-of-scope use")
    yield from (Entry("Provider", one.text, one.remedy) for one in known.of_card("What it is", "Owner"))
    yield from known.of_card("What it is", "Version", "Date", "Bundle")
    earlier = [one for one in known.life.of("model.registered") if one.about != known.card.model]
    yield from _proved(*earlier[-MOST_CHANGES:], name="Another version")


def _surroundings(known: Known) -> Iterator[Entry]:
    yield Entry("Reads", ", ".join(known.settings.sources), "")
    yield from known.of_card("What it is for", "Consumer")


def _software(known: Known) -> Iterator[Entry]:
    started = known.run.last("run.started")
    found: Mapping[str, Any] = started.figures.get("environment", {}) if started is not None else {}
    if started is None or not found:
        yield Entry("Trained with", "", "The run did not record it; train a new version with `assay run`.")
        return
    libraries = ", ".join(f"{name} {version}" for name, version in found["libraries"].items() if version)
    yield Entry("Trained with", f"Python {found['python']} on {found['system']}; {libraries}", "", (started.id,))
    code = started.figures.get("code", {})
    if code.get("commit"):
        state = " and changes that were not committed" if code.get("changed") else ""
        yield Entry("Code", f"commit {code['commit']}{state}", "", (started.id,))


def _hardware(known: Known) -> Iterator[Entry]:
    sizes = ("model.size", "model.latency", "release.load_test")
    yield from (Entry("Measured", one.summary, "", (one.id,)) for kind in sizes for one in known.run.of(kind)[-1:])


def _steps(known: Known) -> Iterator[Entry]:
    yield from _proved(known.run.last("framing.rules_or_ml"), name="Why machine learning")
    yield from _proved(known.run.last("training.search"), name="Search")
    yield from _proved(known.run.last("training.experiment"), name="Experiment")


def _design(known: Known) -> Iterator[Entry]:
    brief, candidate, experiment = known.settings.brief, known.run.candidate(), known.run.last("training.experiment")
    yield Entry("Objective", brief.business_objective, "Write it under `brief.business_objective`.")
    yield from known.of_card("What it is", "Predicts")
    if experiment is not None and experiment.figures.get("estimator"):
        figures = experiment.figures
        params = ", ".join(f"{name} = {value}" for name, value in figures.get("params", {}).items()) or "its defaults"
        names = figures.get("features", ())
        text = f"{figures['estimator']} with {params}, on {len(names)} features: {', '.join(names)}"
        yield Entry("Algorithm", text, "", (experiment.id,))
    if candidate is not None:
        yield Entry("Optimised for", _label(candidate.figures["primary"]), "", (candidate.id,))


def _computing(known: Known) -> Iterator[Entry]:
    experiment, search = known.run.last("training.experiment"), known.run.last("training.search")
    if experiment is not None and experiment.figures.get("seconds"):
        trials = len(search.figures.get("trials", ())) if search is not None else 0
        text = f"{experiment.figures['seconds']:,.0f} s of training and validation with {trials} trials"
        yield Entry("Computing", text, "", tuple(one.id for one in (experiment, search) if one is not None))


def _training_data(known: Known) -> Iterator[Entry]:
    yield from known.of_card("Training data")
    for name, source in known.settings.sources.items():
        said = (source.collected or "").replace("_", " ")
        yield Entry(f"Produced by, {name}", said, f"Say it under `sources.{name}.collected`.")
    yield from _proved(*known.run.of("data.expectations"))


def _planned_changes(known: Known) -> Iterator[Entry]:
    yield from known.of_card("Maintenance", "Retraining")
    who = {"person": "a person", "minor": "automation, or a person for a new major version", "automatic": "automation"}
    text = f"every new version goes through the same gates; then {who[known.settings.gates.approval]} promotes it"
    yield Entry("Gates", text, "")


def _tests(known: Known) -> Iterator[Entry]:
    missing = "Nothing was measured; run `assay run`."
    evaluations = [one for one in known.run.of("model.evaluation") if one.figures.get("role") == "candidate"]
    yield from _proved(*evaluations, name="Measured") if evaluations else iter((Entry("Measured", "", missing),))
    yield from _proved(*known.run.of("model.comparison"), name="Compared")
    checks = known.run.of("leakage.")
    if checks:
        doubts = sum(one.verdict in ("warn", "fail") for one in checks)
        text = f"{len(checks)} checks, {doubts} with doubts"
        yield Entry("Leakage", text, "", tuple(one.id for one in checks))
    yield from _proved(*known.run.of("gate."), name="Gate")


def _security(known: Known) -> Iterator[Entry]:
    keys = len(known.settings.serving.api_keys)
    text = f"{keys} keys are accepted" if keys else "no key is asked for; the service listens on this machine alone"
    yield Entry("Service", text, "")
    yield Entry("Integrity", "models are loaded by their digest; every record is chained to the one before it", "")


def _capabilities(known: Known) -> Iterator[Entry]:
    candidate = known.run.candidate()
    measured = candidate.summary if candidate is not None else ""
    source = (candidate.id,) if candidate is not None else ()
    yield Entry("Accuracy", measured, "Nothing was measured; run `assay run`.", source)
    judged = candidate.figures.get("slices", ()) if candidate is not None else ()
    worse = [f"{one['column']} = {one['value']}" for one in judged if one["worse"]]
    text = f"{len(judged)} segments judged; worse than the rest: {', '.join(worse) or 'none'}" if judged else ""
    yield Entry("Groups", text, "Name the columns under `evaluation.slices`.", source if judged else ())
    yield from known.of_card("Limits and ethics", "Limitations", "Data gaps", "Seen in evaluation")


def _risks(known: Known) -> Iterator[Entry]:
    wanted = ("Ethics", "Leakage check with doubts", "Overridden condition")
    yield from known.of_card("Limits and ethics", *wanted)


def _inputs(known: Known) -> Iterator[Entry]:
    target = known.settings.target
    given = ", ".join((target.key, *target.entity_columns, *target.inputs))
    yield Entry("A request brings", given, "")
    rules = [one for one in known.run.of("data.expectations") if one.about == target.source]
    yield from _proved(*rules[-1:], name="Rules for its values")


def _metrics(known: Known) -> Iterator[Entry]:
    candidate = known.run.candidate()
    if candidate is not None:
        names = [name for name in METRICS if name in candidate.figures["metrics"]]
        yield from (Entry(METRICS[name].label, METRICS[name].meaning, "", (candidate.id,)) for name in names)
    yield Entry("Success means", known.settings.brief.success_metric, "Write it under `brief.success_metric`.")


def _risk_management(known: Known) -> Iterator[Entry]:
    yield from _proved(*known.run.of("framing.kill_criterion"))


def _changes(known: Known) -> Iterator[Entry]:
    kinds = known.life.of("model.registered", "model.stage")
    yield from (Entry(one.time[:10], one.summary, "", (one.id,)) for one in kinds[-MOST_CHANGES:])
    if not kinds:
        yield Entry("Versions", "", "No version is registered; run `assay run`.")


def _after_market(known: Known) -> Iterator[Entry]:
    watched = known.settings.monitoring
    hours = ", ".join(f"{one / timedelta(hours=1):g}" for one in watched.windows)
    text = f"drift from a stability index of {watched.psi_warning:g}, in windows of {hours} hours; "
    text += f"performance from a relative loss of {watched.performance_drop:.0%}"
    yield Entry("Watched", text, "")
    last = [known.life.last(kind) for kind in WATCHED]
    yield from _proved(*last)
    if not any(last):
        yield Entry("Seen in use", "", "Nothing was watched yet; run `assay monitor`.")
    yield from known.of_card("Maintenance", "Care")


def _label(metric: str) -> str:
    return METRICS[metric].label if metric in METRICS else metric


FILLS: Mapping[str, Callable[[Known], Iterator[Entry]]] = {
    "1a": _identity, "1b": _surroundings, "1c": _software, "1e": _hardware,
    "2a": _steps, "2b": _design, "2c": _computing, "2d": _training_data, "2f": _planned_changes, "2g": _tests,
    "2h": _security, "3-performance": _capabilities, "3-risks": _risks, "3-inputs": _inputs, "4": _metrics,
    "5": _risk_management, "6": _changes, "9": _after_market,
}  # fmt: skip
