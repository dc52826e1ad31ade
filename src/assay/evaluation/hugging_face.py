"""The model card as the Hugging Face Hub reads it (CA-1): metadata in YAML, then the sections of its own template.

Takes the card that `cards` gathered, and says nothing that it does not say. Writes text and sends nothing anywhere:
the file is the `README.md` of a model repository.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from assay.config.settings import Settings
from assay.evaluation.cards import Card, Entry, entry_lines, escaped, evidence_line, metric_lines
from assay.evaluation.records import Record, Records, metrics_of
from assay.ledger.evidence import Evidence
from assay.metrics.index import METRICS

# the Hub's names of tasks and metrics where it has one; others keep ours
TASKS = {"classification": "tabular-classification", "regression": "tabular-regression"}
METRIC_TYPES = {"brier": "brier_score", "r2": "r_squared"}

SECTIONS = {
    "What it is": "Model Details",
    "What it is for": "Uses",
    "Training data": "Training Details",
    "Limits and ethics": "Bias, Risks, and Limitations",
    "Maintenance": "Maintenance",
}
EVALUATION_BEFORE = "Limits and ethics"


def write(card: Card, evidences: Iterable[Evidence], settings: Settings) -> str:
    """The whole file: metadata between two lines of `---`, and the card in Markdown.

    Args:
        card: What is known of the version.
        evidences: The records of the run that made it, in order.
        settings: The project's settings; `name` and `card.license` are read.
    """
    known = metadata(card, evidences, settings)
    head = yaml.safe_dump(known, sort_keys=False, allow_unicode=True, width=110)
    return f"---\n{head}---\n\n{_body(card, settings)}"


def metadata(card: Card, evidences: Iterable[Evidence], settings: Settings) -> dict[str, Any]:
    """What the Hub indexes; a key that nobody has filled is left out, and named in the text as missing.

    Returns:
        `license`, `library_name`, `pipeline_tag`, `tags`, `metrics`, and `model-index` with one result for all rows
        and one for each judged segment. A figure that is undefined is in the table below, not here: the Hub has no
        word for it.

    Source:
        The Hub's model card metadata, https://huggingface.co/docs/hub/model-cards and its `modelcard.md`.
    """
    records = Records(evidences)
    candidate = records.candidate()
    found: dict[str, Any] = {"license": settings.card.license, "library_name": "assay"}
    if candidate is not None:
        results = list(_results(candidate, records, settings))
        found["pipeline_tag"] = TASKS[candidate.figures["task"]]
        found["tags"] = ["tabular", candidate.figures["task"]]
        found["metrics"] = list(dict.fromkeys(one["type"] for result in results for one in result["metrics"]))
        found["model-index"] = [{"name": card.model, "results": results}] if results else []
    return {name: value for name, value in found.items() if value}


def _results(candidate: Record, records: Records, settings: Settings) -> Iterator[dict[str, Any]]:
    """One result of the model index for all rows, and one a segment that was judged."""
    figures = candidate.figures
    snapshot = next((one for one in records.of("data.snapshot") if one.about == settings.target.source), None)
    task = {"type": TASKS[figures["task"]], "name": figures["task"].capitalize()}
    dataset = {"name": f"{settings.name}: {settings.target.source}", "type": settings.name, "split": figures["part"]}
    if snapshot is not None and snapshot.figures.get("digest"):
        dataset["revision"] = snapshot.figures["digest"]
    measured = {name: one for name, one in metrics_of(candidate).items() if one["value"] is not None}
    overall = [_metric(name, one, candidate.id) for name, one in measured.items()]
    if overall:
        yield {"task": task, "dataset": dataset, "metrics": overall}
    for one in figures.get("slices", ()):
        if one["estimate"]["value"] is not None:
            segment = dataset | {"config": f"{one['column']} = {one['value']}"}
            metric = _metric(figures["primary"], one["estimate"], candidate.id)
            yield {"task": dict(task), "dataset": segment, "metrics": [metric]}


def _metric(name: str, estimate: Mapping[str, Any], record: str) -> dict[str, Any]:
    how = {key: estimate[key] for key in ("low", "high", "level", "n", "method") if estimate.get(key) is not None}
    label = METRICS[name].label if name in METRICS else name
    return {
        "type": METRIC_TYPES.get(name, name),
        "name": label,
        "value": estimate["value"],
        "args": how | {"record": record},
    }


def _body(card: Card, settings: Settings) -> str:
    lines = [f"# Model Card for {escaped(card.model)}", "", f"Stage: {escaped(card.stage) or '**missing**'}", ""]
    for section in card.sections:
        if section.title == EVALUATION_BEFORE:
            lines += ["## Evaluation", "", *metric_lines(card)]
        entries = section.entries
        if section.title == "What it is":
            entries = (*entries, _license(settings))
        lines += [f"## {SECTIONS[section.title]}", "", *entry_lines(entries), ""]
    return "\n".join([*lines, "## Evidence", "", evidence_line(card)]) + "\n"


def _license(settings: Settings) -> Entry:
    return Entry("License", settings.card.license, "Write it under `card.license` in assay.yaml.")
