"""Odd sources, as a user meets them: a clear error or a right result, a documented exit code, nothing half-written."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.odd_sources import ODD, Odd, sound
from typer.testing import CliRunner

from assay.cli.main import app
from assay.config.settings import Expectation, Source
from assay.data import expectations, quality, snapshots, sources
from assay.data.snapshots import Snapshot
from assay.errors import DataError
from assay.project import Project

VERBS = (("check",), ("features", "build"))  # every other verb reads its sources through the same stages
WHOLE_LOOP = ("ragged, too few", "zero rows", "integers beyond 64 bits")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
DOCUMENTED = {0, 1, 2, 3}
BRIEF = {
    "business_objective": "Know what comes.",
    "success_metric": "error 10 % below the mean",
    "baseline": "the mean",
    "ml_task_type": "regression",
    "prediction_target": "amount",
    "prediction_consumer": "api",
    "latency_requirement": "batch",
    "data_available": "some rows",
    "data_gaps": "none known",
    "ethical_considerations": "none known",
}
VIEW = '''"""One view."""

import polars as pl

import assay


@assay.feature_view(entity="row", source="odd", features={"row_width": "Columns of the row"})
def width(odd: pl.LazyFrame) -> pl.LazyFrame:
    return odd.select(row=pl.lit("a"), row_width=pl.lit(1))
'''


def project(folder: Path, odd: Odd) -> Path:
    """A project whose features come from the odd source, and its rows to predict from a sound one."""
    (folder / odd.path).write_bytes(odd.data)
    (folder / "sound.csv").write_text(sound())
    document: dict[str, Any] = {
        "name": "odd",
        "brief": BRIEF,
        "sources": {
            "odd": {"path": odd.path, **odd.declared},
            "sound": {"path": "sound.csv", "time": "day", "known_before": ["id"]},
        },
        "target": {"source": "sound", "key": "id", "time": "day", "label": "amount", "inputs": ["id"]},
        "training": {"trials": 0, "estimators": ["logistic"]},
        "evaluation": {"bootstrap": 100},
    }
    (folder / "assay.yaml").write_text(yaml.safe_dump(document))
    (folder / "definitions.py").write_text(VIEW)
    return folder


def asked(folder: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, [*words, "--project", str(folder)])
    said = done.stdout + done.stderr
    assert done.exit_code in DOCUMENTED, said
    assert "Traceback" not in said, said
    assert "a defect in" not in said, said
    return done.exit_code, said


def whole(folder: Path) -> None:
    """Nothing is half-written: no unfinished file, and every record and file is as it was recorded."""
    assert [*(folder / ".assay").rglob("*.part"), *(folder / ".assay").rglob("*.unfinished")] == []
    with Project.open(folder) as opened:
        proof = opened.verify()
    assert proof.ok, proof.broken


@pytest.mark.parametrize("odd", [one for one in ODD if one.name in WHOLE_LOOP], ids=lambda odd: odd.name)
def test_assessing_and_running_refuse_or_stop_as_building_does(tmp_path, odd):
    folder = project(tmp_path, odd)
    for verb in ("assess", "run"):
        code, said = asked(folder, verb)
        assert code == (1 if odd.said else 3), said  # read rightly, forty rows are too few to learn from
        assert (odd.said or "quality") in said
    whole(folder)


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: odd.name)
def test_an_odd_source_is_read_rightly_or_refused_with_its_name_and_the_reason(tmp_path, odd):
    folder = project(tmp_path, odd)
    answers = {verb[0]: asked(folder, *verb) for verb in VERBS}
    if odd.said is None:
        assert answers["check"][0] == 0, answers["check"][1]
        assert answers["features"][0] == 0, answers["features"][1]
    else:
        code, said = answers["features"]
        assert (answers["check"][0], code) == (2, 1) or code == 1, answers
        assert odd.said in said
        assert odd.path in said or "sources.odd" in said or "source 'odd'" in said
        assert "features.build" not in said
    whole(folder)


def test_what_is_no_file_is_refused_by_name(tmp_path):
    folder = project(tmp_path, ODD[0])
    (folder / "rows.csv").unlink()
    (folder / "rows.csv").mkdir()
    for verb in VERBS:
        code, said = asked(folder, *verb)
        assert code == 2
        assert "sources.odd.path" in said


def frozen(source: Source, folder: Path) -> tuple[Snapshot | None, str]:
    """A snapshot, or why there is none."""
    try:
        return snapshots.take("odd", sources.read("odd", source, folder), folder / "state"), ""
    except DataError as refusal:
        return None, str(refusal)


PIECES = st.sampled_from(
    [",", "\n", '"', "\r\n", "1", "-", "a", "é", "\x00", " ", "\t", ";", "2026-01-01", "1e999", "''"]
)


@settings(deadline=None, max_examples=25)
@given(st.lists(PIECES, max_size=40), st.sampled_from(["utf-8", "utf-16", "latin-1"]))
def test_whatever_stands_in_a_file_it_is_read_to_its_end_or_refused_by_name(tmp_path_factory, pieces, encoding):
    folder = tmp_path_factory.mktemp("fuzzed")
    (folder / "rows.csv").write_bytes(("id,day,amount\n" + "".join(pieces)).encode(encoding))
    source = Source(path="rows.csv", key=("id",), expectations=(Expectation(column="amount", minimum=0),))
    taken, refusal = frozen(source, folder)
    if taken is None:
        assert "rows.csv" in refusal
        assert list((folder / "state").glob("*")) == []
        return
    frame = snapshots.load(taken, folder / "state")
    assert expectations.check("odd", frame, source).figures["rows"] == taken.rows
    scored = quality.assess({"odd": frame}, {"odd": source}, labels=None, now=NOW, minimum=18)
    assert 0 <= scored.figures["score"] <= 30
