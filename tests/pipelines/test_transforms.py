"""Transforms through the loop: fitted, proved, stored with the version, and run on what a client sends."""

import polars as pl
import pytest
from tests.projects import QUICK, edit, questions, run_once

from assay.errors import ConfigError
from assay.models.bundle import Bundle
from assay.models.model import from_bundle
from assay.pipelines.training import with_folders
from assay.project import Project

DECLARED = """trials: 8
  transforms:
    - {columns: [customer_region], apply: [target_encoding]}
    - {columns: [customer_channel], apply: [embedding], dimensions: 2}
    - {columns: ["customer_spend_*"], apply: [log, standardise], keep: true}
    - {kind: number, columns: [customer_age], apply: [bin], bins: 4}
  interactions: {columns: [customer_spend_30d_sum, customer_spend_90d_sum, plan_fee_last, customer_age]}
  selection: {maximum: 20}"""


@pytest.fixture
def declared(fresh_churn):
    """The churn project with transforms, and an interaction of a column that is a category by then."""
    edit(fresh_churn / "assay.yaml", ("trials: 8", DECLARED))
    return fresh_churn


def test_a_column_that_is_no_number_any_more_is_told(declared):
    with Project.open(declared, overrides=QUICK) as project, pytest.raises(
        ConfigError, match="no column of numbers is called 'customer_age'"
    ):  # fmt: skip
        project.train(trials=0)


def test_a_run_proves_its_transforms_and_serves_them(declared):
    edit(declared / "assay.yaml", ("plan_fee_last, customer_age]", "plan_fee_last]"))
    outcome = run_once(declared)
    assert outcome.verdict == "promoted", outcome.reason
    proofs = {one.kind: one for one in outcome.evidence}
    assert proofs["leakage.target_encoding"].subject == "feature:target(customer_region)"
    assert proofs["leakage.target_encoding"].verdict == "pass"
    assert proofs["leakage.target_encoding"].figures["smoothing"] == "prior of 10 rows"
    assert proofs["leakage.fitted"].verdict == "pass"
    for kind in ("leakage.target_encoding", "leakage.fitted", "features.selection"):
        assert proofs[kind].parents == (proofs["training.search"].id,)
    assert len(proofs["features.selection"].figures["kept"]) == 20
    assert proofs["training.search"].figures["transforms"]["reads"]["log"] == [
        "customer_spend_30d_sum", "customer_spend_90d_sum"
    ]  # fmt: skip
    with Project.open(declared) as project:
        version = project.workspace.registry.production("churn")
        model = from_bundle(Bundle.load(project.workspace.artifacts, version.bundle))
        assert "customer_region" in model.signature.names
        assert len(model.encoder.features) == 20
        answers = project.predict(pl.DataFrame(questions(declared, 20)))
        assert answers["probability"].is_between(0, 1).all()
        assert project.verify().ok


def test_the_folder_of_a_text_model_is_the_projects(fresh_churn):
    rule = "trials: 8\n  transforms: [{columns: [customer_region], apply: [sentences], model: models/text}]"
    edit(fresh_churn / "assay.yaml", ("trials: 8", rule))
    with Project.open(fresh_churn) as project:
        (one,) = with_folders(project.workspace).transforms
    assert one.model == str(fresh_churn / "models" / "text")
    assert one.apply == ("sentences",)
