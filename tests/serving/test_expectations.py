"""Rows that break what is declared of them: refused where that is enforced, counted and logged in any case."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from assay.config.settings import Expectation, Source
from assay.data.guard import Guard
from assay.serving import log_frames
from assay.serving.http import create_app
from assay.serving.server import background
from assay.serving.service import Service

DECLARED = Source(
    path="games.csv",
    expectations=(
        Expectation(column="team", pattern="[a-z]+"),
        Expectation(column="home", nullable=False, severity="warning"),
        Expectation(rule="home OR team <> 'lions'"),
        Expectation(column="won", nullable=False),
    ),
)
GOOD = {"team": "bears", "home": True}
ODD = {"team": "bears", "home": None}
BAD = {"team": "Lions!", "home": False}
WRONG = {"team": "lions", "home": False}


def asked(service: Service, *rows: dict[str, object]) -> tuple[httpx.Response, str]:
    with background(create_app(service)) as url:
        answer = httpx.post(f"{url}/predict", json={"rows": list(rows)})
        return answer, httpx.get(f"{url}/metrics").text


@pytest.fixture
def guard() -> Guard:
    return Guard(DECLARED, ["team", "home"])


def test_a_row_that_breaks_an_error_is_refused_with_column_and_rule(make_service: Callable[..., Service], guard: Guard):
    answer, metrics = asked(make_service(guard=guard), GOOD, BAD, WRONG)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "rows[1].team", "reason": "breaks what is declared of it: 'team' matches [a-z]+"},
        {"field": "rows[2].home", "reason": "breaks what is declared of it: home OR team <> 'lions'"},
    ]
    assert 'column="team",outcome="refused",rule="matches [a-z]+",severity="error"} 1.0' in metrics


def test_a_row_that_breaks_a_warning_is_answered_counted_and_logged(
    make_service: Callable[..., Service], guard: Guard, tmp_path: Path
):
    answer, metrics = asked(make_service(guard=guard), GOOD, ODD)
    assert answer.status_code == 200
    assert 'column="home",outcome="counted",rule="is not missing",severity="warning"} 1.0' in metrics
    assert log_frames.predictions(tmp_path / "log").collect()["broken"].to_list() == [None, "'home' is not missing"]


def test_where_errors_are_only_counted_the_row_is_answered(
    make_service: Callable[..., Service], guard: Guard, tmp_path: Path
):
    answer, metrics = asked(make_service(guard=guard, enforces=False), BAD)
    assert answer.status_code == 200
    assert 'outcome="counted",rule="matches [a-z]+",severity="error"} 1.0' in metrics
    assert log_frames.predictions(tmp_path / "log").collect()["broken"].to_list() == ["'team' matches [a-z]+"]


def test_without_a_guard_nobody_looks(make_service: Callable[..., Service], tmp_path: Path):
    answer, metrics = asked(make_service(), BAD)
    assert answer.status_code == 200
    assert "assay_broken_expectations_total{" not in metrics
    assert log_frames.predictions(tmp_path / "log").collect()["broken"].to_list() == [None]
