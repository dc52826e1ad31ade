"""Data reports read the training part alone: whatever stands in validation and holdout, not one byte changes."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.projects import AS_OF, edit
from typer.testing import CliRunner

from assay.cli.main import app
from assay.config.settings import Source, Split, Target
from assay.data import splits
from assay.errors import ConfigError
from assay.pipelines.understanding import training_parts
from assay.project import Project

N_ROWS = 400
START = datetime(2024, 1, 1, tzinfo=UTC)
TIMED = """\
name: shop
brief: {}
sources:
  visits:
    path: visits.parquet
    key: [visit]
    time: moment
    known_before: [visit, spend, colour]
    protected: [colour]
  staff: {path: staff.parquet}
target: {source: visits, key: visit, label: bought, TIME inputs: [spend, colour]}
split: {validation: 0.2, holdout: 0.2}
"""


def visits(rng):
    """Rows in the order of time; the last of them will be sealed."""
    spend = rng.normal(100, 20, N_ROWS)
    return pl.DataFrame(
        {
            "visit": [f"v{number:04}" for number in range(N_ROWS)],
            "moment": [START + timedelta(hours=number) for number in range(N_ROWS)],
            "spend": spend,
            "colour": rng.choice(["red", "green"], N_ROWS),
            "bought": (spend + rng.normal(0, 10, N_ROWS) > 100).astype(int),
        }
    )


def project(folder, rows, *, timed):
    folder.mkdir()
    text = TIMED.replace("TIME", "time: moment," if timed else "")
    if not timed:
        text = text.replace("    time: moment\n", "").replace("    known_before: [visit, spend, colour]\n", "")
        rows = rows.drop("moment")
    (folder / "assay.yaml").write_text(text)
    (folder / "definitions.py").write_text('"""No views."""\n')
    rows.write_parquet(folder / "visits.parquet")
    pl.DataFrame({"name": ["Ana", "Bo", "Cy"], "age": [30, 40, 50]}).write_parquet(folder / "staff.parquet")
    return folder


def assess(folder):
    """What was recorded of data reports, and the bytes of every file."""
    with Project.open(folder) as opened:
        found = [one for one in opened.assess(as_of=AS_OF) if one.kind == "data.understanding"]
    files = {path.name: path.read_bytes() for path in sorted((folder / ".assay" / "reports").iterdir())}
    return found, files


@pytest.mark.parametrize("timed", [True, False])
def test_what_happens_after_training_changes_not_one_byte_of_any_report(tmp_path, timed):
    rows = visits(np.random.default_rng(1))
    _, before = assess(project(tmp_path / "one", rows, timed=timed))
    assert set(before) == {f"understanding-{name}.{form}" for name in ("visits", "staff") for form in ("html", "json")}

    one = rows if timed else rows.drop("moment")
    split = Split(validation=0.2, holdout=0.2)
    cut = splits.cut(one, key="visit", time="moment" if timed else None, group=None, split=split)
    later = pl.concat([cut.validation, cut.holdout])["visit"].implode()
    is_later = pl.col("visit").is_in(later)
    spoilt = rows.with_columns(
        spend=pl.when(is_later).then(9e9).otherwise("spend"),
        colour=pl.when(is_later).then(pl.lit("black")).otherwise("colour"),
        bought=pl.when(is_later).then(1 - pl.col("bought")).otherwise("bought"),
    )
    found, after = assess(project(tmp_path / "two", spoilt, timed=timed))
    assert after == before
    n_train = found[0].figures["rows"]
    assert n_train == cut.train.height
    assert "black" not in after["understanding-visits.html"].decode()


def test_a_change_of_training_rows_changes_the_report(tmp_path):
    rows = visits(np.random.default_rng(1))
    _, before = assess(project(tmp_path / "one", rows, timed=True))
    earlier = rows.with_columns(spend=pl.when(pl.int_range(pl.len()) == 3).then(0.5).otherwise("spend"))
    _, after = assess(project(tmp_path / "two", earlier, timed=True))
    assert after["understanding-visits.html"] != before["understanding-visits.html"]


def test_the_record_says_which_rows_were_read_and_holds_the_digest(tmp_path):
    found, files = assess(project(tmp_path / "one", visits(np.random.default_rng(1)), timed=True))
    of_visits = found[0]
    assert of_visits.subject == "source:visits"
    assert "known before 2024-01-11" in of_visits.figures["part"]
    assert of_visits.figures["digest"] == hashlib.sha256(files["understanding-visits.json"]).hexdigest()
    assert of_visits.parents
    assert json.loads(files["understanding-visits.json"])["label"]["name"] == "bought"
    assert of_visits.figures["strongest"][0]["column"] == "spend"


def test_a_protected_column_that_is_not_there_is_an_error_that_names_the_nearest(tmp_path):
    folder = project(tmp_path / "one", visits(np.random.default_rng(1)), timed=True)
    edit(folder / "assay.yaml", ("protected: [colour]", "protected: [color]"))
    with pytest.raises(ConfigError, match=r"sources\.visits\.protected.*'color'.*'colour'"):
        assess(folder)


def test_the_command_says_where_each_report_is(tmp_path):
    folder = project(tmp_path / "one", visits(np.random.default_rng(1)), timed=True)
    done = CliRunner().invoke(app, ["assess", "--project", str(folder), "--as-of", f"{AS_OF:%Y-%m-%d}"])
    paths = [line.split("report: ")[1] for line in done.stdout.splitlines() if "report: " in line]
    assert [path.rpartition("/")[2] for path in paths] == ["understanding-visits.html", "understanding-staff.html"]
    assert all(Path(path).is_file() for path in paths)


def frames_without_time():
    rows = visits(np.random.default_rng(2)).drop("moment")
    more = pl.DataFrame({"visit": rows["visit"], "note": "x"})
    return rows, {"visits": rows.lazy(), "notes": more.lazy(), "staff": pl.DataFrame({"name": ["Ana"]}).lazy()}


def parts_of(target, rows, frames):
    cut = splits.cut(rows, key="visit", time=None, group=None, split=Split())
    sources = dict.fromkeys(frames, Source())
    return cut, {one.name: one for one in training_parts(frames, sources, target, cut)}


def test_a_source_that_shares_the_key_loses_the_rows_of_later_parts():
    rows, frames = frames_without_time()
    cut, parts = parts_of(Target(source="visits", key="visit", label="bought"), rows, frames)
    notes = parts["notes"].frame.collect()["visit"]
    assert set(notes) == set(cut.train["visit"])
    assert parts["staff"].frame.collect().height == 1
    assert parts["visits"].label == "bought"


def test_a_project_that_makes_its_rows_gets_a_report_of_them_and_none_of_rows_it_cannot_tell_apart():
    rows, frames = frames_without_time()
    target = Target(source="visits", key="visit", label="bought", rows="definitions:rows")
    frames["visits"] = frames["visits"].rename({"visit": "number"})
    cut, parts = parts_of(target, rows, frames)
    assert parts["rows-to-predict"].frame.collect().equals(cut.train)
    assert parts["visits"].frame is None
    assert "cannot be told from the later ones" in parts["visits"].said


def test_a_key_that_the_function_has_renamed_still_tells_the_training_rows():
    rows, frames = frames_without_time()
    frames["visits"] = frames["visits"].rename({"visit": "number"})
    target = Target(source="visits", key="visit", label="bought", rows="definitions:rows")
    cut = splits.cut(rows, key="visit", time=None, group=None, split=Split())
    sources = dict.fromkeys(frames, Source()) | {"visits": Source(key=("number",), protected=("colour",))}
    parts = {one.name: one for one in training_parts(frames, sources, target, cut)}
    assert set(parts["visits"].frame.collect()["number"]) == set(cut.train["visit"])
    assert parts["rows-to-predict"].source.protected == ("colour",)
    made = frames | {"visits": frames["visits"].with_columns(number=pl.col("number") + "x")}
    parts = {one.name: one for one in training_parts(made, sources, target, cut)}
    assert parts["visits"].frame is None


def test_a_source_about_the_groups_of_a_split_loses_those_of_later_parts_whatever_it_calls_them():
    rows, frames = frames_without_time()
    rows = rows.with_columns(house=pl.int_range(pl.len()) % 40)
    frames["houses"] = pl.LazyFrame({"number": range(40), "rooms": range(40)}, schema_overrides={"number": pl.Int64})
    target = Target(source="visits", key="visit", label="bought", group="house")
    cut = splits.cut(rows, key="visit", time=None, group="house", split=Split())
    sources = dict.fromkeys(frames, Source()) | {"houses": Source(key=("number",))}
    parts = {one.name: one for one in training_parts(frames, sources, target, cut)}
    assert set(parts["houses"].frame.collect()["number"]) == set(cut.train["house"])
