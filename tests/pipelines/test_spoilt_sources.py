"""Spoilt sources score below the gate and nothing is trained: blanked cells, repeated rows, shuffled formats."""

import numpy as np
import polars as pl
import polars.selectors as cs
import pytest
from tests.data import corruption
from tests.projects import AS_OF, QUICK

from assay.project import Project

SHARE = 0.4
TIMES = {
    "customers.csv": "joined",
    "prices.csv": "effective",
    "offers.csv": "time",
    "purchases.parquet": "time",
    "tickets.jsonl": "settled",
    "months.parquet": "month",
}
TELCO = """\
name: telco
brief:
  business_objective: Keep subscribers.
  success_metric: log loss at least 10 % below the average rate
  baseline: the average rate
  ml_task_type: classification
  prediction_target: the customer leaves
  prediction_consumer: api
  latency_requirement: batch
  data_available: 7,043 customers
  data_gaps: none known
  ethical_considerations: none known
sources:
  customers:
    path: customers.csv
    key: [customerID]
    expectations:
      - {column: customerID, nullable: false, unique: true}
      - {column: tenure, type: integer, minimum: 0, nullable: false}
      - {column: MonthlyCharges, type: number, minimum: 0, nullable: false}
      - {column: Contract, allowed: [Month-to-month, One year, Two year], nullable: false}
      - {column: Churn, allowed: ["Yes", "No"], nullable: false}
target:
  source: customers
  key: customerID
  label: Churn
  positive: "Yes"
  inputs: [tenure, MonthlyCharges, Contract]
gates: {approval: automatic}
"""
NO_VIEWS = '"""Nothing beyond what comes with the request."""\n'


def spoilt(rows, rng, *, keep=()):
    """All three ways at once, of every column that is not to be kept."""
    bad = corruption.repeated(rows.with_columns(cs.temporal().cast(pl.String)), share=SHARE, rng=rng)
    whole = bad.select(keep)
    bad = corruption.mixed_formats(bad.drop(keep), share=SHARE, rng=rng)
    return corruption.blanked(bad, share=SHARE, rng=rng).with_columns(whole.get_columns())


def spoil(path, rng, *, keep=()):
    """Spoil a source file in place, in its own format."""
    if path.suffix == ".csv":
        spoilt(pl.read_csv(path, infer_schema_length=None), rng, keep=keep).write_csv(path)
    elif path.suffix == ".parquet":
        spoilt(pl.read_parquet(path), rng, keep=keep).write_parquet(path)
    else:
        spoilt(pl.read_ndjson(path, infer_schema_length=None), rng, keep=keep).write_ndjson(path)


def stopped(folder, **when):
    """Run the project; its outcome, which must be a refusal by the quality gate that trained nothing."""
    with Project.open(folder, overrides=QUICK) as project:
        outcome = project.run(trials=0, **when)
        assert project.models() == []
        assert project.experiments() == []
        assert project.workspace.ledger.find(kind="data.holdout_opened") == []
    assert (outcome.verdict, outcome.stage, outcome.exit_code) == ("stopped", "features", 3), outcome.reason
    assert outcome.quality < 18
    assert "quality gate" in outcome.reason
    assert outcome.report.is_file()
    return outcome


def test_sources_spoilt_in_every_cell_are_stopped_by_the_quality_gate(fresh_churn):
    rng = np.random.default_rng(5)
    for name in TIMES:
        spoil(fresh_churn / "data" / name, rng)
    stopped(fresh_churn, as_of=AS_OF)


def test_sources_whose_times_can_still_be_read_are_stopped_by_the_quality_gate(fresh_churn):
    rng = np.random.default_rng(6)
    for name, time in TIMES.items():
        spoil(fresh_churn / "data" / name, rng, keep=[time])
    stopped(fresh_churn, as_of=AS_OF)


def test_sources_spoilt_beside_whole_label_rows_are_stopped_by_the_quality_gate(fresh_churn):
    rng = np.random.default_rng(7)
    for name, time in TIMES.items():
        if name != "months.parquet":
            spoil(fresh_churn / "data" / name, rng, keep=[time])
    stopped(fresh_churn, as_of=AS_OF)


@pytest.fixture
def telco(assay_data, tmp_path):
    """A project without times and views over the public Telco customers."""
    (tmp_path / "assay.yaml").write_text(TELCO)
    (tmp_path / "definitions.py").write_text(NO_VIEWS)
    source = next((assay_data / "telco_churn").glob("*.csv"))
    (tmp_path / "customers.csv").write_bytes(source.read_bytes())
    return tmp_path


def test_spoilt_telco_customers_are_stopped_by_the_quality_gate(telco):
    spoil(telco / "customers.csv", np.random.default_rng(7))
    stopped(telco)


def test_telco_customers_as_they_are_pass_the_quality_gate_and_train(telco):
    with Project.open(telco, overrides=(*QUICK, "training.estimators=[logistic]")) as project:
        outcome = project.run(trials=0)
    assert outcome.quality >= 18
    assert outcome.stage in ("training", "release"), outcome.reason
    assert outcome.metrics["log_loss"].value < 0.55
