"""Preparing what is learnt from: the declared transforms are fitted on the training rows, and on nothing else.

What a transform is and how it is applied is `models.transforms`; which there are to be is `training` in assay.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import polars as pl

from assay.config.settings import Training, TransformRule
from assay.models.frame import LabelledFrame
from assay.models.recipe import Recipe
from assay.models.signature import FeatureSpec, Signature
from assay.models.transforms.transform import Array
from assay.training.fitting import Encoding, Fitting, refuse_unmatched
from assay.training.selection import Chosen, label_codes


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
    refuse_unknown_inputs(training, signature.names)
    fitting = Fitting(train, truth, signature)
    for spec in signature.features:
        fitting.take(spec, _rule_for(spec, training.transforms))
    chosen = fitting.choose(training, label_codes(truth, signature.task))
    recipe = Recipe(signature.features, tuple(fitting.steps), tuple(fitting.columns)).keep(chosen.kept)
    return Prepared(recipe, recipe.frame(train.inputs, fitting.made), tuple(fitting.encodings), chosen)


def refuse_unknown_inputs(training: Training, names: Sequence[str]) -> None:
    """Refuse rules that name an input which is none.

    Raises:
        ConfigError: With the input that is nearest.
    """
    patterns = (pattern for rule in training.transforms for pattern in rule.columns)
    refuse_unmatched("transforms", patterns, names)


def _rule_for(spec: FeatureSpec, rules: Sequence[TransformRule]) -> TransformRule | None:
    return next((rule for rule in rules if _fits(rule, spec)), None)


def _fits(rule: TransformRule, spec: FeatureSpec) -> bool:
    return rule.kind in (None, spec.kind) and any(fnmatchcase(spec.name, pattern) for pattern in rule.columns)
