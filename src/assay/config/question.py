"""The question as assay.yaml puts it: the brief, what is predicted, and how its rows are cut."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from assay.config.durations import Duration
from assay.config.section import Moment, Reference, Scalar, Section, Share, text_or_mapping

Signal = Literal[
    "explainable_in_ten_rules", "too_complex_for_people", "over_thousand_labels",
    "must_adapt", "must_be_auditable", "outpaces_rules",
]  # fmt: skip


class KillCriterion(Section):
    """A project's own reason to give up, as an expression over evidence figures."""

    name: str = Field(description="What the criterion is called in evidence.")
    when: str = Field(description="Expression such as `evaluation.brier.value > 0.25`; true ends the run.")


class BusinessValue(Section):
    """What predictions are worth, so that models are compared in money."""

    true_positive: float = Field(0.0, description="Value of acting on a case that was positive, per prediction.")
    false_positive: float = Field(0.0, description="Value of acting on a case that was not; a cost is negative.")
    true_negative: float = Field(0.0, description="Value of leaving alone a case that was not positive.")
    false_negative: float = Field(0.0, description="Value of leaving alone a case that was; a cost is negative.")
    unit: str = Field("EUR", description="Unit of the values, for reports.")
    function: Reference | None = Field(
        None, description="`module:function` taking (scores, labels) and giving a value a row, instead of the four."
    )


Criterion = Annotated[
    Annotated[str, Tag("text")] | Annotated[KillCriterion, Tag("mapping")], Discriminator(text_or_mapping)
]


class Brief(Section):
    """The problem brief (FR-1); what is left empty is reported field by field before anything trains."""

    business_objective: str = Field("", description="What the business wants to be better, in a sentence.")
    success_metric: str = Field("", description="How success is measured; quantified: it names a number.")
    baseline: str = Field("", description="What is done today; `rules:name` names a Python rule in the project.")
    ml_task_type: Literal[
        "classification", "regression", "ranking", "generation", "clustering",
        "anomaly_detection", "recommendation", "forecasting", "",
    ] = Field("", description="Kind of problem.")  # fmt: skip
    prediction_target: str = Field("", description="What exactly is predicted, and for when.")
    prediction_consumer: Literal["api", "dashboard", "email", "automated_action", ""] = Field(
        "", description="Who or what reads the predictions."
    )
    latency_requirement: Literal["realtime", "near_realtime", "batch", ""] = Field(
        "", description="realtime: under 100 ms; near_realtime: under 1 s; batch: no limit a request."
    )
    data_available: str = Field("", description="Which data there is, since when, how much.")
    data_gaps: str = Field("", description="Which data is missing or poor; `none known` is an answer.")
    ethical_considerations: str = Field("", description="Who could be harmed and how; `none known` is an answer.")
    kill_criteria: tuple[Criterion, ...] = Field(
        (), description="Further reasons to give up, beside the three built in: expressions over evidence."
    )
    business_value: BusinessValue | None = Field(None, description="What right and wrong predictions are worth.")
    signals: dict[Signal, bool] = Field(
        default_factory=dict,
        description="Answers to the rules-or-ML questions (FR-3): explainable_in_ten_rules, too_complex_for_people, "
        "over_thousand_labels, must_adapt, must_be_auditable, outpaces_rules.",
    )


class EntityRole(Section):
    """The part an entity plays in a row to be predicted."""

    entity: str = Field(description="Entity as the feature views name it.")
    column: str = Field(description="Column of the rows that holds the entity's key.")


Role = Annotated[Annotated[str, Tag("text")] | Annotated[EntityRole, Tag("mapping")], Discriminator(text_or_mapping)]


class Target(Section):
    """What is predicted, for which rows, and what is known when."""

    source: str = Field(description="Source that the rows to predict come from.")
    label: str = Field(description="Column with the truth.")
    key: str = Field(description="Column that names a row to predict.")
    time: str | None = Field(None, description="Column with the prediction time; omit where data has no time.")
    rows: Reference | None = Field(
        None, description="`module:function` from the source's frame to the rows to predict."
    )
    entities: dict[str, Role] = Field(
        default_factory=dict, description="Role to entity column; a role named as its entity adds no prefix."
    )
    inputs: tuple[str, ...] = Field((), description="Columns given with the request, known at prediction time.")
    context: tuple[str, ...] = Field(
        (), description="Columns that a rule or a slice reads beside the row, never a model's input."
    )
    label_delay: Duration = Field(timedelta(0), description="How long after the prediction its label is known.")
    positive: Scalar = Field(None, description="The value of the label that counts as 1.")
    group: str | None = Field(None, description="Column whose values stay on one side of a split.")

    @property
    def entity_columns(self) -> list[str]:
        """Columns with entity keys, one a role, in the order of the roles."""
        return [role if isinstance(role, str) else role.column for role in self.entities.values()]


class Split(Section):
    """How rows are cut into train, validation and the sealed holdout."""

    by: Literal["time", "random", "group"] | None = Field(None, description="Default: time where the target has one.")
    train_until: Moment | None = Field(None, description="First moment that is no longer training data (time split).")
    validation_until: Moment | None = Field(None, description="First moment of the holdout (time split).")
    validation: Share = Field(0.15, description="Share of rows for validation, where no moments are given.")
    holdout: Share = Field(0.15, description="Share of rows sealed for the last examination.")
    seed: int = Field(0, ge=0, description="Seed of a random or group split.")
    stratify: bool = Field(
        False, description="true: a random split in which every part has each class of the label in equal shares."
    )
