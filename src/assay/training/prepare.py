"""Preparing what is learnt from: the declared transforms are fitted on the training rows, and on nothing else.

What a transform is and how it is applied is `models.transforms`; which there are to be is `training` in assay.yaml.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import polars as pl

from assay.config.nearest import did_you_mean
from assay.config.settings import Interactions, Selection, Training, TransformRule
from assay.errors import ConfigError
from assay.models.frame import LabelledFrame
from assay.models.recipe import Recipe, column_of
from assay.models.signature import FeatureKind, FeatureSpec, Signature
from assay.models.transforms import (
    Bin,
    Interaction,
    OneHot,
    RobustScale,
    SignedLog,
    Standardise,
    TargetEncoding,
    Transform,
)
from assay.models.transforms.transform import Array, Column
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

ROWS_SCORED = 20_000
"""Training rows that columns are scored on; more change no ranking, and cost time for each candidate."""

SCALES: dict[str, type[SignedLog | Standardise | RobustScale]] = {
    "log": SignedLog,
    "standardise": Standardise,
    "robust": RobustScale,
}
KIND_OF: dict[str, FeatureKind] = {
    **dict.fromkeys((*SCALES, "bin"), "number"),
    **dict.fromkeys(("one_hot", "target_encoding"), "category"),
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


@dataclass(frozen=True, slots=True)
class Prepared:
    """Transforms fitted, and the rows that they were fitted on.

    Attributes:
        recipe: From inputs to the encoder's columns.
        train: Those columns of the training rows; what was learnt from labels is out of fold here.
        encodings: The columns that were learnt from labels.
        chosen: What each column says of the label, and which were kept; None where nothing is declared.
    """

    recipe: Recipe
    train: pl.DataFrame
    encodings: tuple[Encoding, ...] = ()
    chosen: Chosen | None = None


def prepare(train: LabelledFrame, truth: Array, signature: Signature, training: Training) -> Prepared:
    """Fit the declared transforms.

    Args:
        train: Training rows.
        truth: Their labels, shape (n_train,).
        signature: The model's inputs.
        training: What is declared.

    Raises:
        ConfigError: A rule names no input, or asks for what cannot be done with one.
    """
    if not (training.transforms or training.interactions or training.selection):
        return Prepared(Recipe.unchanged(signature.features), train.inputs)
    _refuse_unmatched("transforms", _patterns(training.transforms), signature.names)
    fitting = _Fitting(train, truth)
    for spec in signature.features:
        fitting.take(spec, _rule_for(spec, training.transforms))
    chosen = fitting.choose(training, label_codes(truth, signature.task))
    recipe = Recipe(signature.features, tuple(fitting.steps), tuple(fitting.columns)).keep(chosen.kept)
    return Prepared(recipe, recipe.frame(train.inputs, fitting.made), tuple(fitting.encodings), chosen)


def folds_of(frame: LabelledFrame, n: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The fold of each row by a hash of its group, or else of its key: the same whatever rows stand beside it."""
    texts = frame.rows[frame.group or frame.key].cast(pl.String).fill_null("")
    hashed = (int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") % n for text in texts)
    return np.fromiter(hashed, dtype=np.int64, count=len(texts))


class _Fitting:
    """The recipe while it grows, with the training rows' columns beside it."""

    def __init__(self, train: LabelledFrame, truth: Array) -> None:
        self._train = train
        self._truth = truth
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
        sample = _sample(self._train)
        scores = {one.name: mutual_information(_some(self._column(one), sample), label[sample]) for one in self.columns}
        combined: dict[str, Interaction] = {}
        for one in self._interactions(training.interactions):
            column = self._combined(one)
            if missing_share(column) <= MOST_MISSING:
                combined[one.name] = one
                scores[one.name] = mutual_information(_some(column, sample), label[sample])
        known = {spec.name: spec for spec in self.columns}
        selection = training.selection or (Selection() if training.interactions else None)
        chosen = choose(
            scores,
            lambda name: self._combined(combined[name]) if name in combined else self._column(known[name]),
            maximum=selection.maximum if selection else None,
        )
        for name in filter(combined.__contains__, chosen.kept):
            self.steps.append(combined[name])
            self.columns.extend(combined[name].writes)
            self.made[name] = self._combined(combined[name])
        return chosen

    def _interactions(self, declared: Interactions | None) -> list[Interaction]:
        if declared is None:
            return []
        numbers = {spec.name: spec for spec in self.columns if spec.kind == "number"}
        _refuse_unmatched("interactions", declared.columns, tuple(numbers))
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
            return ("one_hot",) if n_categories < MANY_CATEGORIES else ("target_encoding",)
        if spec.kind == "number":
            values = column_of(self._train.inputs, spec.name, "number")
            skew = pl.Series(values).fill_nan(None).skew()
            return ("log",) if skew is not None and skew > SKEWED else ()
        return ()

    def _fit(self, name: str, column: str, values: Any, rule: TransformRule) -> tuple[Transform, tuple[Column, ...]]:
        """One transform, and its columns of the training rows."""
        if name == "target_encoding":
            return self._fit_on_labels(column, values, rule)
        if name == "bin":
            step: Transform = Bin.fit(column, values, bins=rule.bins)
        elif name == "one_hot":
            step = OneHot.fit(column, values, most=rule.categories)
        else:
            step = SCALES[name].fit(column, values)
        with np.errstate(all="ignore"):
            return step, step.many(values)

    def _fit_on_labels(
        self, column: str, values: pl.Series, rule: TransformRule
    ) -> tuple[Transform, tuple[Column, ...]]:
        folds = folds_of(self._train, rule.folds)
        step = TargetEncoding.fit(column, values, self._truth, smoothing=rule.smoothing)
        made = TargetEncoding.out_of_fold(column, values, self._truth, folds, smoothing=rule.smoothing)
        self.encodings.append(Encoding(step.writes[0].name, column, np.asarray(made[0]), folds))
        return step, made


def _rule_for(spec: FeatureSpec, rules: Sequence[TransformRule]) -> TransformRule | None:
    return next((rule for rule in rules if _fits(rule, spec)), None)


def _fits(rule: TransformRule, spec: FeatureSpec) -> bool:
    return rule.kind in (None, spec.kind) and any(fnmatchcase(spec.name, pattern) for pattern in rule.columns)


def _refuse_unmatched(key: str, patterns: Iterable[str], names: Sequence[str]) -> None:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            what = "input of the model" if key == "transforms" else "column of numbers"
            meant = did_you_mean(pattern, names) or f"There are: {', '.join(names)}."
            raise ConfigError(f"training.{key}: no {what} is called {pattern!r}. {meant}")


def _sample(train: LabelledFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Places of the rows that columns are scored on: all, or so many of them by a hash of their keys."""
    if len(train) <= ROWS_SCORED:
        return np.arange(len(train))
    return np.flatnonzero(folds_of(train, math.ceil(len(train) / ROWS_SCORED)) == 0)


def _some(column: Column, places: np.ndarray[Any, np.dtype[np.int64]]) -> Column:
    return column.gather(places) if isinstance(column, pl.Series) else column[places]


def _patterns(rules: Sequence[TransformRule]) -> Iterator[str]:
    return (pattern for rule in rules for pattern in rule.columns)
