"""From bad rows of a source forward to every feature, run, version, deployment and prediction that they touched."""

import json
import shutil
from datetime import timedelta

import polars as pl
import pytest
from tests.projects import AS_OF, asked, edit, questions

from assay.errors import NotFound, UsageError
from assay.ledger.evidence import plain
from assay.pipelines.descent import Step
from assay.pipelines.impact import MOST_TOLD, told
from assay.project import Project

QUICK = ("training.estimators=[logistic]", "evaluation.bootstrap=100", "gates.max_latency_p99_ms=5000")


@pytest.fixture(scope="module")
def answered(finished_churn, tmp_path_factory):
    """A finished project with predictions for every twentieth customer of the last month; for reading only."""
    folder = shutil.copytree(finished_churn, tmp_path_factory.mktemp("answered") / "churn")
    with Project.open(folder) as project:
        rows = questions(folder, 10_000)[::20]
        ids = dict(zip(asked(project, rows), rows, strict=True))
    return folder, ids


def steps_of(impact, what):
    return [step for step in impact.trace.steps if step.what == what]


def purchases_of(folder):
    return pl.read_parquet(folder / "data" / "purchases.parquet").with_row_index("n")


def test_one_bad_purchase_is_followed_to_the_sums_labels_version_and_predictions_it_touched(answered):
    folder, ids = answered
    purchases = purchases_of(folder)
    customer = next(row["customer_id"] for row in ids.values())
    mine = purchases.filter((pl.col("customer_id") == customer) & (pl.col("time") < AS_OF)).sort("time")
    bad = mine.row(-1, named=True)  # the customer's last purchase before the run: nothing later is touched
    with Project.open(folder) as project:
        impact = project.ledger.impact("source:purchases", rows=f"{bad['n']}:{bad['n']}")
    (snapshot,) = steps_of(impact, "snapshot")
    assert (snapshot.figures["n_rows"], len(snapshot.figures["runs"])) == (1, 1)
    (features,) = steps_of(impact, "features")
    assert features.certainty == "exact"
    assert (features.figures["touched"], features.figures["entities"]) == (1, 1)
    assert (
        features.figures["can_have_read"]
        == purchases.filter(pl.col("time").is_between(bad["time"], AS_OF, "left")).height
    )
    months = pl.read_parquet(folder / "data" / "months.parquet").filter(
        (pl.col("customer_id") == customer)
        & (pl.col("month") > bad["time"])
        & (pl.col("month") < AS_OF - timedelta(31))
    )
    (training,) = steps_of(impact, "training")
    assert (training.certainty, training.figures["touched"]) == ("exact", months.height)
    asked_about = {one for one, row in ids.items() if row["customer_id"] == customer}
    assert set(impact.predictions.filter(pl.col("because") == "both")["id"]) == asked_about


def test_every_prediction_of_a_version_that_learnt_from_the_rows_is_listed_once(answered):
    folder, ids = answered
    with Project.open(folder) as project:
        impact = project.ledger.impact("source:purchases", where="time < '2025-12-01'")
        periods = project.workspace.registry.served("churn")
    assert sorted(impact.predictions["id"]) == sorted(ids)
    assert set(impact.predictions["because"]) <= {"version", "both"}
    assert sum(step.figures["n"] for step in steps_of(impact, "predictions")) == len(ids)
    (deployment,) = steps_of(impact, "deployment")
    assert (deployment.name, deployment.figures["since"]) == ("churn@1.0.0", periods[0].since)
    json.dumps(plain(impact.trace))


def test_predictions_with_touched_features_are_those_of_the_customers_in_question(answered):
    folder, ids = answered
    customers = {row["customer_id"] for row in list(ids.values())[:5]}
    listed = ", ".join(f"'{one}'" for one in customers)
    with Project.open(folder) as project:
        impact = project.ledger.impact("source:purchases", where=f"customer_id IN ({listed})")
    touched = {ids[one]["customer_id"] for one in impact.predictions.filter(pl.col("because") != "version")["id"]}
    bought = purchases_of(folder).filter((pl.col("time") < AS_OF) & (pl.col("time") > AS_OF - timedelta(365)))
    assert touched == customers & set(bought["customer_id"])


def test_rows_that_became_known_after_the_run_touched_nothing(answered):
    folder, _ = answered
    with Project.open(folder) as project:
        impact = project.ledger.impact("source:purchases", where=f"time >= '{AS_OF:%Y-%m-%d}'")
    assert [step.what for step in impact.trace.steps] == ["snapshot"]
    assert impact.predictions.is_empty()


def test_rows_of_labels_that_no_run_looked_at_touch_no_version(answered):
    folder, _ = answered
    with Project.open(folder) as project:
        impact = project.ledger.impact("source:months", rows="5:9")  # August 2024; runs learn from the last ten months
    (training,) = steps_of(impact, "training")
    assert (training.figures["rows"], training.figures["touched"], training.certainty) == (5, 0, "exact")
    assert not steps_of(impact, "version")


def touched_by(folder, **chosen):
    """The one training that chosen purchases touched: how certain, and how many of its rows."""
    with Project.open(folder) as project:
        impact = project.ledger.impact("source:purchases", **chosen)
    (training,) = steps_of(impact, "training")
    return training.certainty, training.figures["touched"], impact


def test_a_changed_definition_makes_an_upper_bound_that_holds_what_was_exact(answered, tmp_path):
    folder = shutil.copytree(answered[0], tmp_path / "churn")
    certainty, exact, _ = touched_by(folder, rows="48900:48930")
    assert (certainty, exact > 0) == ("exact", True)
    edit(folder / "definitions.py", ('rolling(pl.col("amount").sum(), 90)', 'rolling(pl.col("amount").sum(), 1)'))
    certainty, bound, impact = touched_by(folder, rows="48900:48930")
    assert certainty == "at most"
    assert bound > exact
    (features,) = steps_of(impact, "features")
    assert (features.certainty, features.figures["touched"]) == ("at most", features.figures["can_have_read"])


def test_a_view_that_is_gone_leaves_an_upper_bound(answered, tmp_path):
    folder = shutil.copytree(answered[0], tmp_path / "churn")
    text = (folder / "definitions.py").read_text()
    start = text.index('@assay.feature_view(\n    entity="customer",\n    source="tickets"')
    end = text.index('@assay.feature_view(\n    entity="plan"')
    moment = text.index("@assay.request_view(")
    end_of_moment = text.index("def days(")
    (folder / "definitions.py").write_text(text[:start] + text[end:moment] + text[end_of_moment:])
    with Project.open(folder) as project:
        impact = project.ledger.impact("source:tickets", rows="3000:3010")
    assert not steps_of(impact, "features")
    (training,) = steps_of(impact, "training")
    assert training.certainty == "at most"
    assert training.figures["touched"] > 0
    assert steps_of(impact, "version")


def test_label_rows_that_are_named_themselves_are_touched_exactly(answered):
    folder, _ = answered
    months = pl.read_parquet(folder / "data" / "months.parquet").with_row_index("n")
    known = months.filter(pl.col("month") + timedelta(days=31) < AS_OF)
    learnt = known.filter(pl.col("month") > known["month"].dt.offset_by("-10mo").max())
    with Project.open(folder) as project:
        impact = project.ledger.impact("source:months", rows="18000:18400")
    (training,) = steps_of(impact, "training")
    expected = learnt.filter(pl.col("n").is_between(18000, 18400)).height
    assert (training.certainty, training.figures["touched"]) == ("exact", expected)
    assert expected > 100


def test_rows_are_found_in_every_snapshot_that_holds_them_and_in_no_other(churn):
    purchases = purchases_of(churn).drop("n")
    before = purchases.height
    late = purchases.head(3).with_columns(amount=pl.lit(5000.0), time=pl.lit(AS_OF - timedelta(days=40)))
    pl.concat([late, purchases]).write_parquet(churn / "data" / "purchases.parquet")
    with Project.open(churn, overrides=QUICK) as project:
        project.features.build(as_of=AS_OF)
        new = project.ledger.impact("source:purchases", rows="0:2")
        old = project.ledger.impact("source:purchases", rows="3:5")
    (snapshot,) = steps_of(new, "snapshot")
    assert (snapshot.figures["n_rows"], snapshot.figures["rows"]) == (3, [(0, 2)])
    assert not steps_of(new, "training")  # the run that learnt took the snapshot before
    assert [step.figures["rows"] for step in steps_of(old, "snapshot")] == [[(0, 2)], [(3, 5)]]  # the oldest first
    assert [step.figures["n_rows"] for step in steps_of(old, "snapshot")] == [3, 3]
    assert len(steps_of(old, "training")) == 1
    assert before + 3 == pl.read_parquet(churn / "data" / "purchases.parquet").height


def test_records_versions_and_runs_are_followed_forward_too(answered):
    folder, ids = answered
    with Project.open(folder) as project:
        for start in ("E-000004", "churn@1.0.0", project.ledger.latest("run.started").run):
            impact = project.ledger.impact(start)
            assert impact.predictions.height == len(ids)
            assert "model.stage" in {one.kind for one in impact.trace.graph.nodes}
        with pytest.raises(UsageError, match="source"):
            project.ledger.impact("churn@1.0.0", rows="1:2")


def test_of_many_steps_the_newest_are_told_and_the_others_counted():
    steps = [Step("version", f"m@1.{number}.0", "", certainty="recorded") for number in range(MOST_TOLD + 7)]
    first, *rest = told(steps)
    assert rest == steps[7:]
    assert (first.name, first.figures["names"]) == ("7 more", [f"m@1.{number}.0" for number in range(7)])
    assert told(steps[:MOST_TOLD]) == steps[:MOST_TOLD]
    assert told([]) == []


def test_what_is_not_there_is_refused(answered):
    with Project.open(answered[0]) as project:
        for start, rows, where in (
            ("source:nothing", "", ""),
            ("source:prices", "100:200", ""),
            ("source:prices", "", "plan = 'nobody'"),
            ("EXP-2020-01-01-001", "", ""),
        ):
            with pytest.raises(NotFound):
                project.ledger.impact(start, rows=rows, where=where)
