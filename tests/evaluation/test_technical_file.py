"""The technical file: evidence with its records where there is some, gaps counted first, and nobody's words made up."""

import re
from typing import get_args

import pytest

from assay.config.settings import AnnexPoint, Settings
from assay.evaluation import cards, technical_pages
from assay.evaluation.annex_iv import SECTIONS
from assay.evaluation.technical_file import FILLS, technical_file
from assay.ledger.evidence import Evidence

POINTS = [point for section in SECTIONS for point in section.points]


def settings(**changes):
    base = {
        "name": "win-probability",
        "brief": {},
        "sources": {"games": {"path": "games.csv"}},
        "target": {"source": "games", "label": "won", "key": "game_id"},
    }
    return Settings.model_validate(base | changes)


def made(evidences, project, life=()):
    registered = next((one.id for one in evidences if one.kind == "model.registered"), "")
    version = {"model": "win-probability@1.2.0", "stage": "production", "registered": registered, "bundle": "4c9d" * 16}
    return technical_file(cards.card(version, evidences, project), evidences, life, project)


@pytest.fixture
def file(promoted_run):
    life = [one for one in promoted_run[1] if one.kind in ("model.registered", "model.stage")]
    return made(promoted_run[1], settings(), life)


def test_the_points_are_those_that_settings_know():
    assert [section.number for section in SECTIONS] == list(range(1, 10))
    assert [point.key for point in POINTS] == list(get_args(AnnexPoint))
    assert set(FILLS) <= {point.key for point in POINTS}


def test_every_point_asks_a_person_or_is_filled():
    assert all(point.person or point.key in FILLS for point in POINTS)


def test_gaps_are_counted_first_and_are_exactly_what_is_missing_below(file):
    text = technical_pages.markdown(file)
    head, _, body = text.partition("## 1.")
    assert f"**{len(file.gaps)} things are missing" in head
    assert head.count("\n- ") == len(file.gaps) == body.count("**Missing.**")


def test_every_record_named_is_one_that_was_given(file, promoted_run):
    known = {one.id for one in promoted_run[1]}
    named = set(re.findall(r"E-\d{6}", technical_pages.markdown(file)))
    assert named
    assert named <= known
    assert set(file.evidence) <= named


def test_figures_of_the_holdout_and_the_changes_are_in_their_places(file, promoted_run):
    text = technical_pages.markdown(file)
    performance = text.partition("### 3-performance")[2].partition("### 3-risks")[0]
    assert "3,516 holdout rows" in performance
    assert re.search(r"\| phase = playoffs \(8%\) \| 268 \|.*\| worse \|", performance)
    assert "worse than the rest: phase = playoffs" in performance
    changes = text.partition("## 6.")[2].partition("## 7.")[0]
    stages = [one for one in promoted_run[1] if one.kind == "model.stage"]
    assert [line for line in changes.splitlines() if "staging" in line] == [
        f"- **2026-11-21:** {one.summary} [{one.id}]" for one in stages
    ]


def test_what_a_person_wrote_closes_the_gap_of_its_point_alone(promoted_run):
    before = made(promoted_run[1], settings())
    after = made(promoted_run[1], settings(technical_file={"2e": "The duty officer can switch it off."}))
    assert len(before.gaps) - len(after.gaps) == 1
    assert "2e" not in {number for number, _ in after.gaps}
    assert "- **In a person's words:** The duty officer can switch it off." in technical_pages.markdown(after)


def test_a_point_that_evidence_answers_still_takes_a_persons_words(promoted_run):
    after = made(promoted_run[1], settings(technical_file={"6": "Renamed in 2025."}))
    assert "Renamed in 2025." in technical_pages.markdown(after)


def test_another_version_is_named_as_one(promoted_run):
    other = Evidence("model.registered", "model:win-probability@1.1.0", "info", "1.1.0 registered", {}, id="E-000003")
    text = technical_pages.markdown(made(promoted_run[1], settings(), [other]))
    assert "- **Another version:** 1.1.0 registered [E-000003]" in text


def test_without_evidence_the_file_makes_nothing_up():
    project = settings()
    file = made([], project)
    gaps = {(number, entry.name) for number, entry in file.gaps}
    assert {("1c", "Trained with"), ("2g", "Measured"), ("3-performance", "Accuracy"), ("6", "Versions")} <= gaps
    assert file.evidence == ()


def test_everything_written_leaves_no_gap_and_no_verdict(promoted_run):
    project = settings(
        owner="pricing",
        brief={
            "business_objective": "Price by how open a game is", "prediction_target": "Home win",
            "prediction_consumer": "api", "success_metric": "log loss 10 % lower", "data_gaps": "none known",
            "ethical_considerations": "none known",
        },
        sources={"games": {"path": "games.csv", "origin": "third-party", "collected": "public_record"}},
        card={
            "intended_use": "Pricing", "out_of_scope_use": "Betting", "known_biases": "Few early games",
            "limitations": "Play-offs", "maintenance": "Pricing team",
        },
        technical_file={point.key: "Written." for point in POINTS if point.person},
    )  # fmt: skip
    started = Evidence(
        "run.started", "run:RUN-1", "info", "started",
        {"environment": {"python": "3.12.1", "system": "Linux", "machine": "arm64", "libraries": {"numpy": "2.3.0"}}},
        id="E-000900",
    )  # fmt: skip
    watched = Evidence("monitoring.drift", "model:win-probability", "pass", "no drift", {}, id="E-000950")
    registered = [one for one in promoted_run[1] if one.kind == "model.registered"]
    file = made([*promoted_run[1], started], project, [*registered, watched])
    assert file.gaps == ()
    text = technical_pages.markdown(file)
    assert "Nothing is missing: all 26 points are answered." in text
    assert "- **Trained with:** Python 3.12.1 on Linux; numpy 2.3.0 [E-000900]" in text


def test_words_of_the_project_cannot_become_markup(promoted_run):
    hostile = "<script>alert(1)</script>\n\n# Heading"
    file = made(promoted_run[1], settings(owner=hostile, technical_file={"8": hostile}))
    assert "<script>" not in technical_pages.html(file)
    assert "\n# Heading" not in technical_pages.markdown(file)


def test_the_page_leads_from_each_gap_to_its_point(file):
    page = technical_pages.html(file)
    places = set(re.findall(r'id="(point-[^"]+)"', page))
    assert places == {f"point-{point.key}" for point in POINTS}
    assert set(re.findall(r'href="#(point-[^"]+)"', page)) == {f"point-{number}" for number, _ in file.gaps}
