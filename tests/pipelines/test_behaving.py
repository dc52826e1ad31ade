"""Behavioural tests in a project: tried on the holdout, asked by the gate, and refused early where they fit no rows."""

from xml.etree import ElementTree as ET

import pytest
from tests import projects
from tests.projects import edit

from assay.errors import AssayError
from assay.project import Project

FIRST = "    - {name: the group of a customer does not matter, kind: invariance, columns: [group], values: [A, B]}\n"


@pytest.fixture(scope="module")
def tried(finished_churn):
    with Project.open(finished_churn) as project:
        return project.ledger.latest("model.behaviour")


def test_a_run_tries_the_declared_tests_on_the_holdout_and_the_gate_asks_them(finished_churn, tried):
    with Project.open(finished_churn) as project:
        gate = project.ledger.latest("gate.staging")
        registered = project.ledger.latest("model.registered")
    assert (tried.subject, tried.figures["part"], tried.verdict) == ("model:churn@1.0.0", "holdout", "pass")
    assert tried.parents == (registered.id,)
    (condition,) = [one for one in gate.figures["conditions"] if one["name"] == "behavioural tests hold"]
    assert (condition["verdict"], condition["evidence"]) == ("pass", [tried.id])


def test_every_test_of_the_demonstration_reaches_rows_by_the_route_that_it_should(tried):
    found = {one["name"]: one for one in tried.figures["tests"]}
    assert all(one["n"] > 100 for one in found.values()), found
    assert found["the group of a customer does not matter"]["route"] == "not read"
    silence = found["a month of silence is no good sign"]
    assert silence["route"] == "derived again"
    assert "customer_purchase_last" not in silence["worst"]
    assert len(found["whatever is missing there is an answer"]["columns"]) > 20


def test_the_report_and_the_card_tell_them(finished_churn, tried):
    with Project.open(finished_churn) as project:
        assert f"7 of 7 behavioural tests hold on {tried.figures['n']:,} holdout rows" in project.card()
    (report,) = (finished_churn / ".assay" / "reports").glob("RUN-*.html")
    page = report.read_text(encoding="utf-8")
    assert "a month of silence is no good sign" in page
    assert "the model does not read group" in page


def test_a_version_that_looks_at_the_group_is_not_released(fresh_churn):
    edit(
        fresh_churn / "assay.yaml",
        ("  context: [group]", "  inputs: [group]\n  context: [group]"),
        (
            FIRST,
            FIRST + "    - behaviour:a_discount_changes_something\n"
            "    - {name: age, kind: perturbation, function: behaviour:half_a_year_older, tolerance: 0.05}\n",
        ),
    )
    (fresh_churn / "behaviour.py").write_text(
        "import assay\n\n\n"
        "@assay.behaviour_test(kind='directional', expect='higher', severity='warning')\n"
        "def a_discount_changes_something(rows):\n"
        "    return rows.with_columns(customer_discount_last=rows['customer_discount_last'].fill_null(0) + 0)\n\n\n"
        "def half_a_year_older(rows):\n"
        "    return rows.with_columns(customer_age=rows['customer_age'] + 0.5)\n"
    )
    outcome = projects.run_once(fresh_churn)
    assert outcome.verdict == "archived"
    assert "refused by behavioural tests hold" in outcome.reason
    (tried,) = [one for one in outcome.evidence if one.kind == "model.behaviour"]
    group, discount, age = tried.to_json()["figures"]["tests"][:3]
    assert (group["verdict"], group["route"]) == ("fail", "derived again")
    assert (group["n"], group["failures"] > 900) == (
        1_000,
        True,
    )  # at a chance of nearly nothing it moves nearly nothing
    assert {one["before"]["group"] for one in group["worst"]} <= {"A", "B"}
    assert (discount["name"], discount["verdict"]) == ("a discount changes something", "warn")
    assert (age["n"], age["verdict"], age["columns"]) == (1_000, "pass", ["customer_age"])


def test_evaluate_tries_them_on_validation_rows_and_writes_junit(churn, tmp_path):
    file = tmp_path / "reports" / "behaviour.xml"
    done = projects.assay("evaluate", "--project", churn, "--junit", file)
    assert done.code == 0, done.err
    assert "a month of silence is no good sign" in done.out
    (suite,) = ET.parse(file).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("7", "0")
    with Project.open(churn) as project:
        tried = project.ledger.latest("model.behaviour")
        assert tried.figures["part"] == "validation"
        assert suite.find("./properties/property[@name='evidence']").get("value") == tried.id


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (
            "{name: a, kind: invariance, columns: [grup], values: [A]}",
            "no column is called 'grup'; did you mean 'group'?",
        ),
        (
            "{name: a, kind: directional, columns: [group], values: [A], expect: lower}",
            "neither the model nor a request",
        ),
        ("{name: a, kind: invariance, function: behaviour:nothing}", "behaviour.py"),
        ("rules:quiet_or_angry", "is no behavioural test"),
    ],
)
def test_a_check_names_what_does_not_fit(fresh_churn, new, told):
    edit(fresh_churn / "assay.yaml", (FIRST, f"    - {new}\n"))
    with Project.open(fresh_churn) as project:
        failed = [one for one in project.check() if one.verdict == "fail"]
    assert [one.kind for one in failed] == ["check.behaviour"]
    assert told in failed[0].summary


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("columns: [group], add: 1", "`add` is for columns of numbers or times"),
        (
            "function: behaviour:broken",
            r"behaviour:broken \(evaluation.behaviour.0.function\) fails.*behaviour.py, line 2",
        ),
    ],
)
def test_a_declaration_that_fits_no_rows_stops_a_run_before_it_trains(fresh_churn, keys, told):
    edit(fresh_churn / "assay.yaml", (FIRST, f"    - {{name: a, kind: invariance, {keys}}}\n"))
    (fresh_churn / "behaviour.py").write_text("def broken(rows):\n    return rows['no such column']\n")
    with pytest.raises(AssayError, match=told):
        projects.run_once(fresh_churn)
    with Project.open(fresh_churn) as project:
        assert project.ledger.find(kind="training.search") == []
        assert project.ledger.find(kind="data.holdout_opened") == []
