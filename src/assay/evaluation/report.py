"""The run report: one run's story, told from its evidence alone, as one page of HTML.

Computes no figure about the model; it arranges what was recorded. A run that ended early has an early end to its
story, and the report says which chapters it did not reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.config.settings import Brief
from assay.evaluation import charts
from assay.evaluation.records import Record, Records, metrics_of
from assay.ledger.evidence import Evidence, Verdict
from assay.metrics.estimate import USUAL_LEVEL, level_text
from assay.metrics.index import METRICS
from assay.pages.render import render

ENDINGS: dict[str, tuple[Verdict, str]] = {
    "promoted": ("pass", "Promoted to production"),
    "staged": ("warn", "Staged, waiting for approval"),
    "archived": ("fail", "Not released: a gate said no"),
    "kill": ("fail", "Ended by a kill criterion"),
    "stopped": ("fail", "Stopped before it was done"),
}
CHECK_NAMES = {
    "leakage.time_travel": "No value from after its prediction",
    "leakage.inputs": "Inputs do not follow what happens later",
    "leakage.fitted": "Preprocessing fitted on training rows only",
    "leakage.row_independence": "Request features read their own row only",
    "leakage.target_derived": "No feature is the answer in disguise",
    "leakage.target_encoding": "Target encodings learnt from other rows",
    "leakage.model_score": "The model is not too good to be true",
    "leakage.lineage": "No feature derives from its own outcome",
    "leakage.groups": "No twin and no remembered customer across the split",
    "leakage.order": "Split before anything was fitted",
    "leakage.generation": "How the data was made does not tell the answer",
    "leakage.split": "Split as the data demands",
    "leakage.duplicates": "No row twice",
    "model.golden": "Golden set",
    "model.size": "Size",
    "model.latency": "Latency, in process",
    "release.integration_test": "Same answers over HTTP",
    "release.load_test": "Load test",
}
MEASURED = ("model.golden", "model.size", "model.latency", "release.integration_test", "release.load_test")
MAX_SLICE_ROWS = 30


def run_report(*, title: str, outcome: Mapping[str, Any], evidences: Sequence[Evidence]) -> str:
    """Tell a run's story as self-contained HTML, without script, for a screen and for paper.

    Args:
        title: Name of the project.
        outcome: What `assay run --json` prints: `verdict` and `stage`; where known `run`, `reason`, `model`,
            `seconds`, and the ledger's `ledger_head` (digest) and `ledger_length` (records).
        evidences: The run's records, in order.
    """
    records = Records(evidences)
    candidate = records.candidate()
    return render(
        "assay.evaluation",
        "run_report.html",
        title=title,
        outcome=outcome,
        records=records,
        known=records.ids,
        check_names=CHECK_NAMES,
        ending=_ending(outcome, records),
        ended=records.all[-1].time if records.all else "",
        facts=_facts(outcome, records, candidate),
        framing=_framing(records),
        data=_data(records),
        leakage=records.of("leakage."),
        tuning=_tuning(records),
        worth=_worth(records, candidate),
        kill_criteria=records.of("framing.kill_criterion"),
        trust=_trust(candidate),
        slices=_slices(candidate),
        behaviour=records.last("model.behaviour"),
        gates=records.of("gate."),
        measured=records.of(*MEASURED),
        moves=records.of("model.registered", "model.stage"),
        head={"digest": outcome.get("ledger_head", ""), "length": outcome.get("ledger_length")},
    )


def standings(records: Records, candidate: Record) -> list[dict[str, Any]]:
    """The candidate and all it was compared with on the same rows, by the primary metric, with skill."""
    figures = candidate.figures
    metric = METRICS[figures["primary"]]
    floor = figures.get("no_information", {}).get(metric.name)
    own = figures["metrics"][metric.name]
    rows = [_standing("this model", own["value"], own, floor, metric.name, candidate.id) | {"is_candidate": True}]
    evaluated = {_bare(one.about): one.figures for one in records.of("model.evaluation") if one is not candidate}
    for one in records.comparisons(figures["part"], metric=metric.name):
        other = one.figures["other"]
        same = evaluated.get(_bare(other["name"]), {})
        known = same.get("metrics", {}).get(metric.name, {}) if same.get("part") == figures["part"] else {}
        row = _standing(other["name"], other["value"], known, floor, metric.name, one.id)
        rows.append(row | {"difference": one.figures["difference"], "verdict": one.verdict})
    compared = {row["value"] for row in rows[1:]}
    if floor is not None and floor not in compared:
        rows.append(_standing("no information", floor, {}, floor, metric.name, candidate.id))
    return rows


def _standing(
    name: str, value: float | None, interval: Mapping[str, Any], floor: float | None, metric: str, evidence: str
) -> dict[str, Any]:
    skill = METRICS[metric].skill(value, floor) if value is not None and floor is not None else None
    return {
        "name": name.replace("_", " "),
        "value": value,
        "low": interval.get("low"),
        "high": interval.get("high"),
        "skill": skill,
        "difference": None,
        "verdict": None,
        "evidence": evidence,
        "is_candidate": False,
    }


def _bare(name: str) -> str:
    """A name without what kind of thing it is: `rules:elo`, `rule:elo` and `elo` are one baseline."""
    return name.rpartition(":")[2]


def _ending(outcome: Mapping[str, Any], records: Records) -> dict[str, str]:
    word = str(outcome.get("verdict", ""))
    tone, headline = ENDINGS.get(word, ("info", word.capitalize() or "Ended"))
    return {"tone": tone, "headline": headline, "why": outcome.get("reason") or _why(records)}


def _why(records: Records) -> str:
    """The last gate's own words, or those of the last failure."""
    failures = [one for one in records.all if one.verdict == "fail" and not one.kind.startswith("run.")]
    decisive = failures or records.of("gate.")
    return decisive[-1].summary if decisive else ""


def _facts(outcome: Mapping[str, Any], records: Records, candidate: Record | None) -> list[dict[str, str]]:
    facts = []
    if outcome.get("model"):
        facts.append({"name": "Model", "value": outcome["model"], "note": ""})
    if candidate is not None:
        metric = METRICS[candidate.figures["primary"]]
        own = candidate.figures["metrics"][metric.name]
        value = "undefined" if own["value"] is None else f"{own['value']:.4f}"
        note = (
            "" if own["low"] is None else f"{level_text(own['level'])} interval {own['low']:.4f} to {own['high']:.4f}"
        )
        part = candidate.figures.get("part") or "evaluated"
        facts.append({"name": f"{metric.label}, {candidate.figures['n']:,} {part} rows", "value": value, "note": note})
        if own.get("skill") is not None:
            facts.append({"name": "Skill", "value": f"{own['skill']:.1%}", "note": "0 % is no information"})
    quality = records.last("data.quality")
    if quality is not None:
        score = f"{quality.figures['score']:.1f} of {quality.figures['of']}"
        minimum = quality.figures.get("minimum")
        facts.append({"name": "Data quality", "value": score, "note": f"minimum {minimum:g}" if minimum else ""})
    facts.append({"name": "Evidence", "value": f"{len(records.all)} records", "note": ""})
    if outcome.get("seconds") is not None:
        facts.append({"name": "Time", "value": f"{outcome['seconds']:.0f} s", "note": ""})
    return facts


def _framing(records: Records) -> dict[str, Any] | None:
    brief = records.last("framing.brief")
    if brief is None:
        return None
    written = brief.figures.get("brief", {})
    fields = {
        name: written[name] for name in Brief.model_fields if isinstance(written.get(name), str) and written[name]
    }
    return {"brief": brief, "fields": fields, "decision": records.last("framing.rules_or_ml")}


def _data(records: Records) -> dict[str, Any]:
    quality = records.last("data.quality")
    return {
        "snapshots": records.of("data.snapshot"),
        "expectations": records.of("data.expectations"),
        "split": records.last("data.split"),
        "opened": records.of("data.holdout_opened"),
        "features": records.of("features."),
        "quality": quality,
        "dimensions": charts.quality_dimensions(quality.figures) if quality is not None else {},
        "bars": charts.quality(quality.figures) if quality is not None else None,
    }


def _tuning(records: Records) -> dict[str, Any] | None:
    search = records.last("training.search")
    experiment = records.last("training.experiment")
    if search is None and experiment is None:
        return None
    chart = charts.tuning(search.figures) if search is not None else None
    return {"search": search, "experiment": experiment, "chart": chart}


def _worth(records: Records, candidate: Record | None) -> dict[str, Any] | None:
    if candidate is None:
        return None
    rows = standings(records, candidate)
    return {
        "evaluation": candidate,
        "rows": rows,
        "chart": charts.distances(rows, metric=candidate.figures["primary"]),
        "metric": METRICS[candidate.figures["primary"]],
        "metrics": metrics_of(candidate),
        "level": level_text(candidate.figures["metrics"][candidate.figures["primary"]].get("level", USUAL_LEVEL)),
        "meanings": {name: METRICS[name].meaning for name in candidate.figures["metrics"] if name in METRICS},
        "in_money": _in_money(records, candidate),
    }


def _in_money(records: Records, candidate: Record) -> list[Record]:
    """What acting on the predictions is worth, and against whom; empty where the brief counts no value."""
    earned = [one for one in records.of("model.business_value") if one.subject == candidate.subject]
    return earned[-1:] + records.comparisons(candidate.figures["part"], metric="business_value")


def _trust(candidate: Record | None) -> dict[str, Any] | None:
    if candidate is None or not candidate.figures.get("calibration"):
        return None
    figures = candidate.figures
    shapes = charts.curves(figures.get("curves", {}))
    if "histogram" in figures:
        spread = charts.histogram(figures["histogram"], says="Scores of positive and of negative rows")
        caption = "How scores are spread: positive rows above the line, negative rows below."
    else:
        spread = charts.histogram(figures["residuals"], says="Residuals")
        caption = "Residuals: truth less prediction; the outermost bars also hold what lies beyond."
    return {
        "error": figures["calibration"].get("error"),
        "reliability": charts.reliability(figures["calibration"], task=figures["task"]),
        "spread": spread,
        "spread_caption": caption,
        "curves": shapes,
        "confusion": figures.get("confusion"),
        "evidence": candidate.id,
    }


def _slices(candidate: Record | None) -> dict[str, Any] | None:
    if candidate is None or not candidate.figures.get("slices"):
        return None
    rows = candidate.figures["slices"]
    return {
        "rows": rows[:MAX_SLICE_ROWS],
        "n_left_out": len(rows) - len(rows[:MAX_SLICE_ROWS]),
        "metric": METRICS[candidate.figures["primary"]],
        "overall": candidate.figures["metrics"][candidate.figures["primary"]],
        "n_worse": sum(bool(one["worse"]) for one in rows),
        "evidence": candidate.id,
    }
