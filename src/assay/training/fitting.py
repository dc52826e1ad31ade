"""The recipe while it grows: one input after the other is transformed, then columns are combined and chosen.

What it is asked to do comes from `prepare`; every number is learnt from the training rows that it is made with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from assay.config.nearest import did_you_mean
from assay.config.settings import Interactions, Selection, Training, TransformRule
from assay.errors import ConfigError
from assay.models.frame import LabelledFrame
from assay.models.recipe import column_of
from assay.models.signature import FeatureKind, FeatureSpec, Signature
from assay.models.transforms import (
    Bin,
    CategoryEmbedding,
    Interaction,
    OneHot,
    RobustScale,
    SentenceEmbedding,
    SignedLog,
    Standardise,
    TargetEncoding,
    Tfidf,
    Transform,
)
from assay.models.transforms.transform import Array, Column
from assay.training.folds import folds_of, sample_of
from assay.training.selection import (
    MOST_MISSING,
    Chosen,
    Codes,
    candidates,
    choose,
    label_codes,
    missing_share,
    mutual_information,
)

SKEWED = 2.0
"""Skewness from which `auto` takes the logarithm of a number; that of an exponential distribution."""

MANY_CATEGORIES = 20
"""Categories from which `auto` encodes by the label's mean instead of by indicators (FE-2)."""

VERY_MANY_CATEGORIES = 1_000
"""Categories beyond which `auto` learns an embedding."""

EMBEDDED_DIMENSIONS = 4
MOST_CONTEXT = 16
"""Inputs beside which an embedding is learnt: those that say most of the label."""

SCALES: dict[str, type[SignedLog | Standardise | RobustScale]] = {
    "log": SignedLog,
    "standardise": Standardise,
    "robust": RobustScale,
}
KIND_OF: dict[str, FeatureKind] = {
    **dict.fromkeys((*SCALES, "bin"), "number"),
    **dict.fromkeys(("one_hot", "target_encoding", "embedding", "tfidf", "sentences"), "category"),
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """A column that was learnt from labels, and how its training rows were kept from their own (LK-3).

    Attributes:
        name: Of the column.
        source: The input that it encodes.
        values: What the model is fitted on, shape (n_train,).
        folds: Fold of each row, shape (n_train,).
    """

    name: str
    source: str
    values: Array
    folds: np.ndarray[Any, Any]


class Fitting:
    """The recipe while it grows, with the training rows' columns beside it."""

    def __init__(self, train: LabelledFrame, truth: Array, signature: Signature) -> None:
        self._train = train
        self._truth = truth
        self._task = signature.task
        self._inputs = signature.features
        self.steps: list[Transform] = []
        self.columns: list[FeatureSpec] = []
        self.made: dict[str, Column] = {}
        self.encodings: list[Encoding] = []

    def take(self, spec: FeatureSpec, rule: TransformRule | None) -> None:
        """Fit what a rule asks of an input, or leave the input as it is."""
        names = () if rule is None else self._names(spec, rule)
        if rule is None or not names:
            self.columns.append(spec)
            return
        if rule.keep:
            self.columns.append(spec)
        column = column_of(self._train.inputs, spec.name, spec.kind)
        made: tuple[FeatureSpec, ...] = (spec,)
        for name in names:
            step, columns = self._fit(name, made[0].name, column, rule)
            self.steps.append(step)
            made, column = step.writes, columns[0]
            self.made |= dict(zip((one.name for one in made), columns, strict=True))
        self.columns.extend(made)

    def choose(self, training: Training, label: Codes) -> Chosen:
        """Score every column and every interaction that is asked for, and keep those that say most."""
        sample = sample_of(self._train)
        scores = {one.name: mutual_information(_some(self._column(one), sample), label[sample]) for one in self.columns}
        combined: dict[str, Interaction] = {}
        for one in self._interactions(training.interactions):
            column = self._combined(one)
            if missing_share(column) <= MOST_MISSING:
                combined[one.name] = one
                scores[one.name] = mutual_information(_some(column, sample), label[sample])
        known = {spec.name: spec for spec in self.columns}
        selection = training.selection or (Selection() if training.interactions else None)

        def sampled(name: str) -> Column:
            return _some(self._combined(combined[name]) if name in combined else self._column(known[name]), sample)

        chosen = choose(scores, sampled, maximum=selection.maximum if selection else None)
        for name in filter(combined.__contains__, chosen.kept):
            self.steps.append(combined[name])
            self.columns.extend(combined[name].writes)
            self.made[name] = self._combined(combined[name])
        return chosen

    def _interactions(self, declared: Interactions | None) -> list[Interaction]:
        if declared is None:
            return []
        numbers = {spec.name: spec for spec in self.columns if spec.kind == "number"}
        refuse_unmatched("interactions", declared.columns, tuple(numbers))
        names = [name for name in numbers if any(fnmatchcase(name, pattern) for pattern in declared.columns)]
        useless = {name: int((~(np.abs(self._numbers(name)) > 0)).sum()) for name in names}
        return candidates(names, declared, zeros=useless.__getitem__)

    def _combined(self, interaction: Interaction) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(interaction.many(*map(self._numbers, interaction.columns))[0])

    def _numbers(self, name: str) -> Array:
        return np.asarray(self._column(FeatureSpec(name, "number")))

    def _column(self, spec: FeatureSpec) -> Column:
        """The training rows' values, as transforms read them."""
        made = self.made.get(spec.name)
        return made if made is not None else column_of(self._train.inputs, spec.name, spec.kind)

    def _names(self, spec: FeatureSpec, rule: TransformRule) -> tuple[str, ...]:
        if rule.apply == ("auto",):
            return self._chosen(spec)
        names = () if rule.apply == ("native",) else rule.apply
        wrong = [name for name in names if KIND_OF[name] != spec.kind]
        if wrong:
            raise ConfigError(
                f"training.transforms: {wrong[0]!r} is for a {KIND_OF[wrong[0]]}, and {spec.name!r} is a {spec.kind}. "
                f"Name other columns, or add `kind: {KIND_OF[wrong[0]]}` to the rule."
            )
        return names

    def _chosen(self, spec: FeatureSpec) -> tuple[str, ...]:
        """What `auto` takes, by what the training rows hold."""
        if spec.kind == "category":
            n_categories = self._train.inputs[spec.name].n_unique()
            if n_categories < MANY_CATEGORIES:
                return ("one_hot",)
            return ("target_encoding",) if n_categories <= VERY_MANY_CATEGORIES else ("embedding",)
        if spec.kind == "number":
            values = column_of(self._train.inputs, spec.name, "number")
            skew = pl.Series(values).fill_nan(None).skew()
            return ("log",) if skew is not None and skew > SKEWED else ()
        return ()

    def _fit(self, name: str, column: str, values: Any, rule: TransformRule) -> tuple[Transform, tuple[Column, ...]]:
        """One transform, and its columns of the training rows."""
        if name == "target_encoding":
            return self._fit_target_encoding(column, values, rule)
        if name == "embedding":
            return self._fit_embedding(column, values, rule)
        step = _fit_plain(name, column, values, rule)
        with np.errstate(all="ignore"):
            return step, step.many(values)

    def _fit_target_encoding(
        self, column: str, values: pl.Series, rule: TransformRule
    ) -> tuple[Transform, tuple[Column, ...]]:
        folds = folds_of(self._train, rule.folds)
        step = TargetEncoding.fit(column, values, self._truth, smoothing=rule.smoothing)
        made = TargetEncoding.out_of_fold(column, values, self._truth, folds, smoothing=rule.smoothing)
        self.encodings.append(Encoding(step.writes[0].name, column, np.asarray(made[0]), folds))
        return step, made

    def _fit_embedding(
        self, column: str, values: pl.Series, rule: TransformRule
    ) -> tuple[Transform, tuple[Column, ...]]:
        return CategoryEmbedding.fit(
            column,
            values,
            self._truth,
            self._context(),
            folds_of(self._train, rule.folds),
            task=self._task,
            dimensions=rule.dimensions or EMBEDDED_DIMENSIONS,
            smoothing=rule.smoothing,
        )

    def _context(self) -> Array:
        """The numbers and flags that say most of the label, standardised, with 0 where missing."""
        sample, label = sample_of(self._train), label_codes(self._truth, self._task)
        columns = {
            spec.name: np.asarray(column_of(self._train.inputs, spec.name, spec.kind))
            for spec in self._inputs
            if spec.kind != "category"
        }
        scores = {name: mutual_information(column[sample], label[sample]) for name, column in columns.items()}
        best = sorted(scores, key=lambda name: -scores[name])[:MOST_CONTEXT]
        unit = [np.asarray(Standardise.fit(name, columns[name]).many(columns[name])[0]) for name in best]
        return np.nan_to_num(np.column_stack(unit)) if unit else np.empty((len(self._truth), 0))


def _fit_plain(name: str, column: str, values: Any, rule: TransformRule) -> Transform:
    """A transform that learns nothing from labels."""
    if name == "bin":
        return Bin.fit(column, values, bins=rule.bins)
    if name == "one_hot":
        return OneHot.fit(column, values, most=rule.categories)
    if name == "tfidf":
        return Tfidf.fit(column, values, vocabulary=rule.vocabulary, dimensions=rule.dimensions)
    if name == "sentences":
        return SentenceEmbedding.fit(column, values, folder=Path(rule.model or ""), dimensions=rule.dimensions)
    return SCALES[name].fit(column, values)


def refuse_unmatched(key: str, patterns: Iterable[str], names: Sequence[str]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            what = "input of the model" if key == "transforms" else "column of numbers"
            meant = did_you_mean(pattern, names) or f"There are: {', '.join(names)}."
            raise ConfigError(f"training.{key}: no {what} is called {pattern!r}. {meant}")


def _some(column: Column, places: np.ndarray[Any, np.dtype[np.int64]]) -> Column:
    return column.gather(places) if isinstance(column, pl.Series) else column[places]
