"""The offline store in a bucket: builds, training frames, late rows and time travel are those of a folder."""

import shutil
from datetime import timedelta

import polars as pl
import pytest
from tests.integration.conftest import BUCKET
from tests.pipelines import crowd

from assay.features import offline
from assay.project import Project

TABLES = f"s3://{BUCKET}/projects/crowd/tables"


@pytest.fixture
def folders(tmp_path):
    """Two copies of one project: one keeps its tables in a folder, one in a bucket."""
    crowd.make(tmp_path / "local")
    shutil.copytree(tmp_path / "local", tmp_path / "bucket")
    return {"local": (tmp_path / "local", ()), "bucket": (tmp_path / "bucket", (f"stores.tables={TABLES}",))}


def on_each(folders, work):
    """What `work` gives on each project."""
    found = {}
    for name, (folder, overrides) in folders.items():
        with Project.open(folder, overrides=overrides) as project:
            found[name] = work(project)
    return found["local"], found["bucket"]


def built(project, *, full=False):
    (evidence,) = [one for one in project.features.build(full=full) if one.kind == "features.build"]
    return {name: evidence.figures[name] for name in ("rows_written", "entities_pushed", "build", "watermark")}


def frame_at(project, minutes):
    keys = pl.DataFrame({"customer": [f"C{one}" for one in range(crowd.CUSTOMERS)] + ["nobody"]})
    moment = pl.lit(crowd.START + timedelta(minutes=minutes)).cast(pl.Datetime("us", "UTC"))
    return project.features.history(keys.with_columns(time=moment))


def both(folders, work):
    local, bucket = on_each(folders, work)
    assert repr(local) == repr(bucket)
    return bucket


def test_the_whole_way_from_a_build_to_a_training_frame(s3, folders):
    first = both(folders, built)
    assert (first["rows_written"], first["entities_pushed"], first["build"]) == (crowd.CUSTOMERS,) * 2 + (1,)
    for folder, _ in folders.values():
        crowd.write_generation(folder)
    assert both(folders, built)["rows_written"] == crowd.CUSTOMERS
    assert both(folders, built)["rows_written"] == 0  # nothing new, nothing written
    for minutes, generations in ((1, {None}), (2, {1, None}), (9, {2, None})):  # known strictly before
        frame = both(folders, lambda project, minutes=minutes: frame_at(project, minutes).to_dicts())
        assert {one["customer_generation"] for one in frame} == generations
    assert both(folders, lambda project: project.features.latest([{"customer": "C3"}]))[0] == {
        "customer_generation": 2, "customer_check": crowd.check_of(2, 3),
    }  # fmt: skip
    assert any(one["Key"].startswith("projects/crowd/tables/") for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"])
    assert not (folders["bucket"][0] / ".assay" / "tables").exists()


def test_a_row_that_comes_late_is_added_and_earlier_versions_stay_as_they_were(s3, folders):
    both(folders, built)
    for folder, _ in folders.values():
        late = pl.read_parquet(folder / "events-000001.parquet").head(1)
        late = late.with_columns(time=pl.col("time") - timedelta(seconds=30), generation=pl.lit(0, pl.Int64))
        late.write_parquet(folder / "events-000000.parquet")
    again = both(folders, built)
    assert (again["rows_written"], again["entities_pushed"]) == (1, 0)  # known before the newest: not online

    def versions(project):
        (view,) = project.workspace.definitions.views
        return [
            offline.stored(view, project.workspace.tables, version=number).frame.collect().height for number in (0, 1)
        ]

    assert both(folders, versions) == [crowd.CUSTOMERS, crowd.CUSTOMERS + 1]
    frame = both(folders, lambda project: frame_at(project, 0.75).to_dicts())
    assert [one["customer"] for one in frame if one["customer_generation"] == 0] == ["C0"]


def test_a_full_build_puts_all_in_place(s3, folders):
    both(folders, built)
    again = both(folders, lambda project: built(project, full=True))
    assert (again["rows_written"], again["build"]) == (crowd.CUSTOMERS, 2)
