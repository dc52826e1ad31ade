"""Preparing what is learnt from: the declared transforms are fitted on the training rows, and on nothing else.

What a transform is and how it is applied is `models.transforms`; which there are to be is `training` in assay.yaml.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import polars as pl

from assay.config.nearest import did_you_mean
from assay.config.settings import Training, TransformRule
from assay.errors import ConfigError
from assay.models.frame import LabelledFrame
from assay.models.recipe import Recipe, column_of
from assay.models.signature import FeatureKind, FeatureSpec, Signature
from assay.models.transforms import Bin, OneHot, RobustScale, SignedLog, Standardise, TargetEncoding, Transform
from assay.models.transforms.transform import Array, Column

SKEWED = 2.0
"""Skewness from which `auto` takes the logarithm of a number; that of an exponential distribution."""

MANY_CATEGORIES = 20
"""Categories from which `auto` encodes by the label's mean instead of by indicators (FE-2)."""

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
    """

    recipe: Recipe
    train: pl.DataFrame
    encodings: tuple[Encoding, ...] = ()


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
    if not training.transforms:
        return Prepared(Recipe.unchanged(signature.features), train.inputs)
    _refuse_unmatched(training.transforms, signature)
    fitting = _Fitting(train, truth)
    for spec in signature.features:
        fitting.take(spec, _rule_for(spec, training.transforms))
    recipe = Recipe(signature.features, tuple(fitting.steps), tuple(fitting.columns))
    return Prepared(recipe, recipe.frame(train.inputs, fitting.made), tuple(fitting.encodings))


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


def _refuse_unmatched(rules: Sequence[TransformRule], signature: Signature) -> None:
    for pattern in _patterns(rules):
        if not any(fnmatchcase(name, pattern) for name in signature.names):
            meant = did_you_mean(pattern, signature.names) or f"There are: {', '.join(signature.names)}."
            raise ConfigError(f"training.transforms: no input of the model is called {pattern!r}. {meant}")


def _patterns(rules: Sequence[TransformRule]) -> Iterator[str]:
    return (pattern for rule in rules for pattern in rule.columns)
