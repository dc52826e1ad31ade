"""The run report: whole stories and short ones, self-contained, with every claim leading to its record."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from assay.evaluation.records import Records
from assay.evaluation.report import run_report, standings
from assay.ledger.evidence import Evidence

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks nesting and collects ids, links, text and what could load or run something."""

    def __init__(self, html):
        super().__init__()
        self.open, self.ids, self.links, self.words, self.suspicious = [], set(), [], [], []
        self.feed(html)
        assert not self.open, self.open
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            assert given["id"] not in self.ids
            self.ids.add(given["id"])
        self.links += [given["href"]] if tag == "a" else []
        loads = {"src", "style", "srcset"} & set(given) or any(name.startswith("on") for name in given)
        if tag in ("script", "link", "iframe", "object", "img") or loads:
            self.suspicious.append((tag, given))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def told(run, **changes):
    outcome, evidences = run
    return Page(run_report(title="win-probability", outcome=outcome | changes, evidences=evidences))


def test_a_promoted_run_is_told_to_its_end(promoted_run):
    page = told(promoted_run)
    for words in (
        "Promoted to production", "win-probability@1.2.0", "Data quality is 26.4 of 30", "not measured",
        "No value from after its prediction", "lightgbm: the hyperparameters that won", "0.043217",
        "sealed until this examination", "no-information", "home rate", "Calibration error", "phase = playoffs",
        "significantly worse than the rest", "Staging gate", "Overridden by R. Auer", "Load test",
        "assay ledger verify", promoted_run[0]["ledger_head"],
    ):  # fmt: skip
        assert words in page.text, words
    assert "The run ended before" not in page.text


def test_every_record_has_its_line_and_every_link_leads_somewhere(promoted_run):
    page = told(promoted_run)
    assert {one.id for one in promoted_run[1]} <= page.ids
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)


def test_the_page_is_light_runs_nothing_and_loads_nothing(promoted_run, refused_run, killed_run):
    for run in (promoted_run, refused_run, killed_run):
        html = run_report(title="x", outcome=run[0], evidences=run[1])
        assert len(html) < 150_000
        assert not Page(html).suspicious
        assert not re.search(r"url\(|@import|https?://", html)


def test_a_run_that_the_quality_gate_stopped_says_why_and_what_it_did_not_reach(refused_run):
    page = told(refused_run)
    assert "Stopped before it was done data quality 14.2 of 30 (minimum 18); fix first: fill 'pts'" in page.text
    assert "What to fix first" in page.text
    for chapter in ("leakage was looked for", "anything was trained", "a model was measured", "a gate was asked"):
        assert f"The run ended before {chapter}." in page.text


def test_a_killed_run_shows_both_skills_and_its_validation_figures(killed_run):
    page = told(killed_run)
    assert "Ended by a kill criterion the heuristic reaches 97 % of the model" in page.text
    assert "3,516 validation rows" in page.text
    assert "sealed until this examination" not in page.text
    assert "The run ended before a gate was asked." in page.text


def test_nothing_at_all_is_still_a_page():
    page = Page(run_report(title="empty", outcome={"verdict": "stopped", "stage": "framing"}, evidences=[]))
    assert "Nothing was recorded" in page.text


def test_a_report_from_the_ledger_equals_one_from_memory(promoted_run):
    outcome, evidences = promoted_run
    stored = [
        Evidence(**(json.loads(json.dumps(one.to_json())) | {"parents": tuple(one.parents)})) for one in evidences
    ]
    assert run_report(title="x", outcome=outcome, evidences=stored) == run_report(
        title="x", outcome=outcome, evidences=evidences
    )


def test_words_from_data_cannot_run(promoted_run):
    outcome, evidences = promoted_run
    hostile = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    poisoned = [replace(one, summary=f"{hostile} {one.summary}", subject=f"model:{hostile}") for one in evidences]
    page = Page(run_report(title=hostile, outcome=outcome | {"reason": hostile}, evidences=poisoned))
    assert not page.suspicious
    assert hostile in page.text


def test_standings_compare_on_the_same_rows_only(promoted_run):
    records = Records(promoted_run[1])
    candidate = records.candidate()
    assert candidate.figures["part"] == "holdout"
    rows = {row["name"]: row for row in standings(records, candidate)}
    assert set(rows) == {"this model", "no-information", "home rate", "win-probability@1.1.0"}
    assert rows["this model"]["is_candidate"]
    assert rows["no-information"]["skill"] == pytest.approx(0)
    assert rows["home rate"]["low"] < rows["home rate"]["value"] < rows["home rate"]["high"]
    assert rows["win-probability@1.1.0"]["low"] is None
    assert 0 < rows["home rate"]["skill"] < rows["this model"]["skill"]


def test_worth_in_money_has_its_own_place_and_does_not_enter_the_standings(promoted_run):
    outcome, evidences = promoted_run
    candidate = Records(evidences).candidate()
    figures = {
        "metric": "business_value", "part": "holdout", "other": {"name": "home_rate", "value": 10.0},
        "difference": {"value": 3.0, "low": 1.0, "high": 5.0},
    }  # fmt: skip
    more = [
        Evidence("model.business_value", candidate.subject, "info", "worth 13.00 EUR per 1,000 predictions"),
        Evidence("model.comparison", candidate.subject, "pass", "worth +3.00 EUR against home_rate", figures),
    ]
    page = Page(run_report(title="x", outcome=outcome, evidences=[*evidences, *more]))
    assert "In the business's own unit" in page.text
    assert "worth +3.00 EUR against home_rate" in page.text
    records = Records([*evidences, *more])
    assert len(standings(records, records.candidate())) == 4


def test_without_comparisons_no_information_is_still_beside_the_model(promoted_run):
    records = Records(one for one in promoted_run[1] if one.kind != "model.comparison")
    names = [row["name"] for row in standings(records, records.candidate())]
    assert names == ["this model", "no information"]


def test_behavioural_tests_are_told_with_their_worst_rows(promoted_run):
    entry = {
        "name": "the <group> does not matter", "kind": "invariance", "expect": None, "tolerance": 0.01,
        "at_least": None, "at_most": None, "decision": None, "route": "not read", "columns": ["group"],
        "verdict": "fail", "n": 1_000, "failures": 12, "limit": 0.0, "largest": 0.2, "found": "12 of 1,000 rows fail",
        "rate": {"value": 0.012, "low": 0.007, "high": 0.021, "n": 1_000, "method": "wilson", "level": 0.95},
        "worst": [{"row": "G7", "change": "group = B", "before": {"group": None}, "after": {"group": "B"},
                   "prediction_before": 0.1, "prediction_after": 0.3}],
    }  # fmt: skip
    tried = Evidence("model.behaviour", "model:x@1.0.0", "fail", "0 of 1 hold", {"tests": [entry]}, id="E-000777")
    outcome, evidences = promoted_run
    page = Page(run_report(title="x", outcome=outcome, evidences=[*evidences, tried]))
    for words in (
        "the <group> does not matter", "invariance, within 0.01; the model does not read group",
        "1,000 12 1.2% (0.7% to 2.1%) 0.0% +0.2000",
        "group: missing to B 0.1000 0.3000",
    ):  # fmt: skip
        assert words in page.text, words
    assert "E-000777" in page.ids
    assert "No behavioural test was tried" in told(promoted_run).text
