"""The churn example: real categories and no dates, through the whole loop, to a verdict and into monitoring."""

import shutil
from pathlib import Path

import httpx
import polars as pl
import pytest
from tests.projects import PATIENT, serving

from assay.models.bundle import Bundle
from assay.models.model import from_bundle
from assay.project import Project

CHURN = Path(__file__).parents[2] / "examples" / "churn"
N_SERVED = 600


@pytest.fixture(scope="module")
def finished(tmp_path_factory, assay_data):
    """The example after a run with a short search: its folder and its outcome."""
    folder = tmp_path_factory.mktemp("example") / "churn"
    shutil.copytree(CHURN, folder, ignore=shutil.ignore_patterns(".assay", "__pycache__"))
    quick = ("training.trials=2", "evaluation.bootstrap=200", PATIENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_DATA", str(assay_data))
        with Project.open(folder, overrides=quick) as project:
            outcome = project.run()
        yield folder, outcome


@pytest.fixture(scope="module")
def customers(finished, assay_data):
    """Every customer as a row to score, with the label."""
    folder, _ = finished
    source = assay_data / "telco_churn" / "Telco-Customer-Churn.csv"
    with Project.open(folder) as project:
        rows_of = project.workspace.function("definitions:customers_to_score", field="target.rows")
        return rows_of(pl.scan_csv(source, null_values=[" "])).collect()


def test_it_runs_to_a_verdict_and_is_better_than_what_the_team_does_today(finished):
    _, outcome = finished
    assert outcome.verdict == "promoted", outcome.reason
    assert outcome.metrics["log_loss"].high < outcome.baselines["no-information"]
    assert outcome.metrics["log_loss"].value < outcome.baselines["rules:by_contract_and_tenure"]
    assert outcome.metrics["roc_auc"].low > 0.78


def test_blank_charges_are_missing_and_no_person_s_age_or_gender_is_read(finished, customers):
    folder, outcome = finished
    assert customers.filter(pl.col("total_charges").is_null())["tenure"].to_list() == [0] * 11
    with Project.open(folder) as project:
        version = project.workspace.registry.production("customer-churn")
        model = from_bundle(Bundle.load(project.workspace.artifacts, version.bundle))
    assert not {"gender", "senior", "customer_id", "churned"} & set(model.signature.names)
    assert {"log(total_charges)", "bin(tenure)", "contract=Two year"} <= {one.name for one in model.encoder.features}
    split = next(one for one in outcome.evidence if one.kind == "data.split").figures
    assert (split["train"], split["validation"], split["holdout"]) == (4_225, 1_409, 1_409)


def test_it_predicts_serves_and_is_watched(finished, customers):
    folder, _ = finished
    asked = customers.drop("churned", "gender", "senior").sample(N_SERVED, seed=1)
    with Project.open(folder) as project:
        offline = project.predict(asked)
    with serving(folder) as (url, _process):
        answer = httpx.post(f"{url}/predict", json={"rows": asked.to_dicts()}, timeout=30).raise_for_status()
        predictions = answer.json()["predictions"]
        told = dict(customers.select("customer_id", "churned").iter_rows())
        labels = [
            {"id": one["id"], "value": told[customer]}
            for one, customer in zip(predictions, asked["customer_id"], strict=True)
        ]
        httpx.post(f"{url}/feedback", json={"labels": labels}, timeout=30).raise_for_status()
    assert [one["probability"] for one in predictions] == pytest.approx(offline["probability"].to_list(), abs=1e-9)
    with Project.open(folder) as project:
        found = {one.kind: one for one in project.monitor()}
    assert found["monitoring.drift"].verdict == "pass", found["monitoring.drift"].summary
    assert found["monitoring.performance"].verdict in ("pass", "info"), found["monitoring.performance"].summary
