"""Learning as assay.yaml sets it: transforms, columns taken together, the search, and what leakage checks are told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from assay.config.durations import Duration
from assay.config.section import NotNegative, Section

TransformName = Literal[
    "log", "standardise", "robust", "bin", "one_hot", "target_encoding", "embedding", "tfidf", "sentences", "native",
    "auto",
]  # fmt: skip


class TransformRule(Section):
    """What is fitted on some of the model's inputs before it learns (FE-1, FE-2, FE-4)."""

    columns: tuple[str, ...] = Field(
        ("*",), description="Inputs by name or by pattern, such as customer_*; each takes the first rule that fits."
    )
    kind: Literal["number", "flag", "category"] | None = Field(
        None, description="Take only inputs of this kind; text counts as category."
    )
    apply: Annotated[tuple[TransformName, ...], Field(min_length=1)] = Field(
        description="One after the other: log, standardise, robust, bin for numbers; one_hot, target_encoding, "
        "embedding or native for categories; tfidf or sentences for text; auto chooses by what the column holds."
    )
    keep: bool = Field(False, description="true: the input as it is stays beside what is made of it.")
    bins: Annotated[int, Field(ge=2, le=100)] = Field(5, description="Bins of `bin`, of about as many rows each.")
    categories: Annotated[int, Field(ge=1, le=255)] = Field(
        20, description="Most categories that one_hot gives a column of their own; the others share one."
    )
    smoothing: NotNegative = Field(
        10.0, description="Rows that the mean of all weighs as in target_encoding, and zero in embedding."
    )
    folds: Annotated[int, Field(ge=2, le=50)] = Field(
        5, description="Folds of the training rows; none is encoded by labels of its own fold."
    )
    dimensions: Annotated[int, Field(ge=1, le=1_000)] | None = Field(
        None, description="Numbers that embedding (default 4), tfidf and sentences (default all) give a row."
    )
    vocabulary: Annotated[int, Field(ge=1, le=100_000)] = Field(200, description="Commonest words that tfidf knows.")
    model: str | None = Field(
        None, description="Folder with model.onnx and tokenizer.json for sentences, relative to assay.yaml."
    )


class AcceptedColumn(Section):
    """A column that somebody vouches for, though it looks too good to be true."""

    column: str = Field(description="Feature, as the check names it.")
    reason: Annotated[str, Field(min_length=10)] = Field(
        description="Why it is known before the prediction, and who says so; kept with the finding."
    )


class Leakage(Section):
    """What the leakage checks that judge by a score are told."""

    accept: tuple[AcceptedColumn, ...] = Field(
        (), description="Columns whose findings are warnings, with the reason; no other check is softened."
    )

    @property
    def accepted(self) -> dict[str, str]:
        """Reason by column."""
        return {one.column: one.reason for one in self.accept}


class Interactions(Section):
    """Columns of numbers taken together (FE-5), as candidates that `selection` chooses from."""

    columns: tuple[str, ...] = Field(
        ("*",), description="Columns of numbers, after the transforms, by name or pattern."
    )
    kinds: Annotated[tuple[Literal["ratio", "difference", "product", "polynomial"], ...], Field(min_length=1)] = Field(
        ("ratio", "difference", "product", "polynomial"), description="What is made of them; polynomial: powers."
    )
    depth: Annotated[int, Field(ge=2, le=3)] = Field(2, description="Most factors of a product or power.")


class Selection(Section):
    """The columns that say most of the label, by mutual information on the training rows (FE-7)."""

    maximum: Annotated[int, Field(ge=1, le=1_000)] = Field(50, description="Most columns that are kept.")


class Training(Section):
    """Which estimators are tried, and how long."""

    transforms: tuple[TransformRule, ...] = Field(
        (), description="What is fitted on the inputs first; default nothing: numbers as they are, categories as codes."
    )
    interactions: Interactions | None = Field(None, description="Columns taken together; default none.")
    selection: Selection | None = Field(
        None, description="Keep the columns that say most; default all, and with interactions the best 50."
    )

    estimators: tuple[str, ...] = Field(("logistic", "lightgbm"), description="Estimators to try.")
    trials: Annotated[int, Field(ge=0, le=10_000)] = Field(20, description="Trials of the search; 0: defaults only.")
    seed: int = Field(0, ge=0, description="Seed of search and fits.")
    months: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Train on the last N months only; default all."
    )
    timeout: Duration | None = Field(None, description="Stop the search after this long; default never.")
    hypothesis: str = Field("", description="What the experiment is to show; kept with its record.")
