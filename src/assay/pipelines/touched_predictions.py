"""Touched predictions: those of versions that learnt from some rows, or with features that may have come from them.

Reads the prediction log. Which versions and which feature rows these are is found by `impact`.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from assay.pipelines.descent import Certainty, Step, counted, span
from assay.pipelines.reach import Marked, touched_rows
from assay.pipelines.workspace import Workspace
from assay.serving import log_frames
from assay.serving.rows import parse_time

BECAUSE = {
    "version": " by a version that learnt from them",
    "features": " with features that may hold them",
    "both": " by a version that learnt from them, with features that may hold them too",
}
NO_PREDICTIONS = {"id": pl.String(), "time": log_frames.TIME, "model": pl.String(), "because": pl.String()}


def predictions_of(workspace: Workspace, versions: set[str], marked: tuple[Marked, ...]) -> pl.DataFrame:
    """Logged predictions of some versions, or with a touched feature row; `impact.Impact` tells the columns."""
    logged = log_frames.predictions(workspace.predictions).select("id", "time", "model", "inputs").collect()
    if logged.is_empty():
        return pl.DataFrame(schema=NO_PREDICTIONS)
    logged = logged.with_columns(
        by_version=pl.col("model").is_in(list(versions)),
        by_features=touched_rows(workspace, _asked(workspace, logged), marked),
    ).filter(pl.col("by_version") | pl.col("by_features"))
    only = pl.when("by_version").then(pl.lit("version")).otherwise(pl.lit("features"))
    because = pl.when(pl.col("by_version") & pl.col("by_features")).then(pl.lit("both")).otherwise(only)
    return logged.with_columns(because.alias("because")).select(*NO_PREDICTIONS).sort("time", "id")


def prediction_steps(predictions: pl.DataFrame) -> Iterator[Step]:
    """One step for each version and reason."""
    for (model, because), part in predictions.group_by("model", "because", maintain_order=True):
        first, last = span(part, "time")
        says = f"{counted(part.height, 'prediction')}, {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
        says += BECAUSE[str(because)]
        figures = {"n": part.height, "first": first, "last": last, "because": because}
        certainty: Certainty = "recorded" if because == "version" else "at most"
        yield Step("predictions", str(model), says, "", certainty, figures)


def _asked(workspace: Workspace, logged: pl.DataFrame) -> pl.DataFrame:
    """Entities and prediction times of logged requests; where a request gave no time, that of its answer."""
    time = workspace.settings.target.time
    rows = logged.select("inputs").unnest("inputs") if logged.schema["inputs"] != pl.Struct([]) else logged.select()
    if time is None:
        return rows
    if time not in rows.columns:
        return rows.with_columns(logged["time"].alias(time))
    texts = rows[time].drop_nulls().unique().to_list()
    moments = pl.Series([parse_time(text) for text in texts], dtype=log_frames.TIME)
    given = pl.col(time).replace_strict(pl.Series(texts, dtype=pl.String), moments, default=None)
    return rows.with_columns(pl.coalesce(given, logged["time"]).alias(time))
