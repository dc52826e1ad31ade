"""assay.yaml as typed models: every key, its default and what it means.

Each part of the file has its models in a module of its own; here they come together. Reading the file, expanding
variables and naming lines in errors is `loading.py`; what must hold between keys is `checks.py`; the JSON Schema is
`schema.py`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from assay.config.judging import Behaviour, Evaluation, Gates
from assay.config.learning import Interactions, Leakage, Selection, Training, TransformRule
from assay.config.operation import (
    AnnexPoint,
    Card,
    Engine,
    EngineChoice,
    Goal,
    Monitoring,
    Reporting,
    Retraining,
    Serving,
    Stores,
)
from assay.config.question import Brief, BusinessValue, EntityRole, KillCriterion, Signal, Split, Target
from assay.config.section import Section, Severity, moment_of
from assay.config.sources import Expectation, Source, Truth

__all__ = [
    "AnnexPoint",
    "Behaviour",
    "Brief",
    "BusinessValue",
    "Card",
    "Engine",
    "EngineChoice",
    "EntityRole",
    "Evaluation",
    "Expectation",
    "Gates",
    "Goal",
    "Interactions",
    "KillCriterion",
    "Leakage",
    "Monitoring",
    "Reporting",
    "Retraining",
    "Section",
    "Selection",
    "Serving",
    "Settings",
    "Severity",
    "Signal",
    "Source",
    "Split",
    "Stores",
    "Target",
    "Training",
    "TransformRule",
    "Truth",
    "moment_of",
]

SOURCE_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"


class Settings(Section):
    """The whole of assay.yaml; only name, brief, sources and target are required."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=63)] = Field(
        description="Name of the project and of its model: lower case words joined by hyphens."
    )
    version: str = Field("1", description="Version of this project's declaration.")
    owner: str = Field("", description="Who answers for it.")
    brief: Brief = Field(description="Why there is to be a model at all.")
    sources: dict[Annotated[str, Field(pattern=SOURCE_NAME_PATTERN)], Source] = Field(
        min_length=1, description="Where rows come from, by name."
    )
    target: Target = Field(description="What is predicted.")
    features: str = Field("definitions.py", description="Python file with the feature views, relative to assay.yaml.")
    rules: str = Field("rules.py", description="Python file with rule baselines.")
    split: Split = Field(Split(), description="How rows are cut.")
    leakage: Leakage = Field(Leakage(), description="What leakage checks are told.")
    training: Training = Field(Training(), description="What is tried.")
    evaluation: Evaluation = Field(Evaluation(), description="What decides.")
    gates: Gates = Field(Gates(), description="What a version must show.")
    serving: Serving = Field(Serving(), description="How predictions are served.")
    monitoring: Monitoring = Field(Monitoring(), description="What is watched.")
    retraining: Retraining = Field(Retraining(), description="When training repeats itself.")
    card: Card = Field(Card(), description="What its model card says beyond the evidence.")
    goals: tuple[Goal, ...] = Field((), description="What production is to reach; `assay goals` says how it stands.")
    reporting: Reporting = Field(Reporting(), description="The report of what happened since the last one.")
    technical_file: dict[AnnexPoint, str] = Field(
        default_factory=dict,
        description="What a person says on points of the technical file of the EU AI Act, by number: 2e, 3-risks, 9; "
        "`assay card --format annex-iv` lists what is still to be written.",
    )
    stores: Stores = Field(Stores(), description="Where state lives.")
    engine: EngineChoice = Field("local", description="Where heavy work runs: local, ray, spark, or the keys below.")

    @property
    def engine_options(self) -> Engine:
        """The engine with its defaults, however briefly it was declared."""
        return Engine(name=self.engine) if isinstance(self.engine, str) else self.engine
