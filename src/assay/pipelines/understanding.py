"""Data reports of a project: one a source, from its training part alone, as a page and as JSON.

Which rows belong to the training part is decided here; what is said of them is the room's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from assay.config.settings import Source, Target
from assay.data.event_time import KNOWN_AT
from assay.data.splits import Cut
from assay.data.understanding import data_report, evidence_of, understand
from assay.ledger.evidence import Evidence, plain
from assay.pipelines.run import Run, Step
from assay.stores.durable import write_whole

ROWS_TO_PREDICT = "rows-to-predict"  # no source can be called so: a hyphen is not allowed in its name


@dataclass(frozen=True, slots=True)
class Part:
    """What one report reads.

    Attributes:
        name: Of the source, or of the rows to predict.
        subject: What the evidence is about.
        frame: Rows of the training part; None where they cannot be told from the later ones, and nothing is read.
        source: What is declared of them.
        said: Which rows they are, for the reader.
        label: Column that is predicted; None where the frame does not hold it.
    """

    name: str
    subject: str
    frame: pl.LazyFrame | None
    source: Source
    said: str
    label: str | None = None


def write_reports(run: Run, frames: Mapping[str, pl.LazyFrame], cut: Cut) -> list[Evidence]:
    """Write a data report for every source, and one for the rows to predict where the project makes them itself.

    Args:
        run: The run to record under.
        frames: The sources by name, as they were known at the run's moment.
        cut: The rows to predict, cut; of validation and holdout only the keys are read, to leave their rows out.
    """
    settings = run.workspace.settings
    parts = list(training_parts(frames, settings.sources, settings.target, cut))
    found = []
    for number, part in enumerate(parts):
        run.progress(Step("understanding", number, len(parts), part.name))
        found.append(_write(run, part))
    run.progress(Step("understanding", len(parts), len(parts)))
    return run.record_all(found)


def training_parts(
    frames: Mapping[str, pl.LazyFrame], sources: Mapping[str, Source], target: Target, cut: Cut
) -> Iterator[Part]:
    """The part of each source that may be looked at, the source of the rows to predict with its label."""
    for name, frame in frames.items():
        source, subject = sources[name], f"source:{name}"
        if name == target.source and target.rows is None:
            rows, said = _known_before_validation(cut.train.lazy(), cut)
            yield Part(name, subject, rows, source, said or "training rows", target.label)
        else:
            some, said = _training_part(frame, source, target, cut, is_target=name == target.source)
            yield Part(name, subject, some, source, said)
    if target.rows is not None:
        said = f"training rows, as {target.rows} makes them"
        declared = _of_made_rows(sources[target.source], target, cut.train.columns)
        yield Part(ROWS_TO_PREDICT, f"rows:{target.label}", cut.train.lazy(), declared, said, target.label)


def _of_made_rows(source: Source, target: Target, columns: Sequence[str]) -> Source:
    """What the declaration of their source says of the rows that a function makes from it."""
    said = source.model_dump(include={"columns", "origin", "collected"})
    protected = tuple(one for one in source.protected if one in columns)
    return Source(key=(target.key,), time=target.time, protected=protected, **said)


def _training_part(
    frame: pl.LazyFrame, source: Source, target: Target, cut: Cut, *, is_target: bool
) -> tuple[pl.LazyFrame | None, str]:
    """Rows known before validation begins; without times, those that share no key or group with the later parts."""
    rows, said = _known_before_validation(frame, cut)
    if said:
        return rows, said
    shared = _shared(frame, source, target, cut)
    if shared is None and is_target:
        return None, f"without a time or a column {target.key!r} its training rows cannot be told from the later ones"
    if shared is None:
        return frame, "all rows: the source has no time, and nothing of the rows to predict"
    here, there = shared
    if is_target:
        train = cut.train.lazy().select(there).unique()
        return frame.join(train, left_on=here, right_on=there, how="semi", maintain_order="left"), "training rows"
    later = pl.concat([cut.validation.lazy().select(there), cut.holdout.lazy().select(there)]).unique()
    kept = frame.join(later, left_on=here, right_on=there, how="anti", maintain_order="left")
    return kept, f"rows whose {here} is not in validation or holdout"


def _shared(frame: pl.LazyFrame, source: Source, target: Target, cut: Cut) -> tuple[str, str] | None:
    """A column of the source, and the column of the rows to predict that holds the same keys; None where there is none.

    The key or the group may have another name there: then the source's own key is taken, if it holds that of every
    training row.
    """
    columns = frame.collect_schema().names()
    for one in (target.key, target.group):
        if one in columns:
            return one, one
    if len(source.key) != 1:
        return None
    own = frame.select(source.key[0]).unique().collect().to_series()
    for column in (target.key, target.group):
        if column is not None and own.dtype == cut.train[column].dtype and cut.train[column].is_in(own.implode()).all():
            return source.key[0], column
    return None


def _known_before_validation(frame: pl.LazyFrame, cut: Cut) -> tuple[pl.LazyFrame, str]:
    """The rows, with what to say of them; nothing is said where they have no time to be told by."""
    begin = cut.boundaries.get("validation")
    if begin is None or KNOWN_AT not in frame.collect_schema().names():
        return frame, ""
    return frame.filter(pl.col(KNOWN_AT) < begin), f"training part: rows known before {begin:%Y-%m-%d %H:%M} UTC"


def _write(run: Run, part: Part) -> Evidence:
    """Describe one part and write what was found, each file whole or not at all."""
    if part.frame is None:
        return Evidence("data.understanding", part.subject, "info", f"{part.name}: not read: {part.said}")
    settings = run.workspace.settings
    rng = np.random.default_rng(settings.training.seed)  # its own for each, so that one source cannot move another's
    found = understand(part.name, part.frame, part.source, label=part.label, part=part.said, rng=rng)
    text = json.dumps(plain(found.to_json()), ensure_ascii=False, indent=1).encode()
    page = data_report(found, title=settings.name).encode()
    stem = f"reports/understanding-{part.name}"
    write_whole(run.workspace.state / f"{stem}.json", [text])
    write_whole(run.workspace.state / f"{stem}.html", [page])
    digest = hashlib.sha256(text).hexdigest()
    return evidence_of(found, subject=part.subject, report=f"{stem}.html", digest=digest)
