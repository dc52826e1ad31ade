"""Data files that are written apart from their commit reach a bucket as they reach a folder."""

import shutil

import polars as pl
from polars.testing import assert_frame_equal
from tests.integration.conftest import BUCKET
from tests.pipelines import crowd

from assay.features import offline
from assay.project import Project


def built(folder, *overrides):
    """Two builds, the second over one generation of events more; gives their summaries and what is stored."""
    with Project.open(folder, overrides=overrides) as project:
        first = project.features.build()
        crowd.write_generation(folder)
        second = project.features.build()
        (view,) = project.workspace.definitions.views
        rows = offline.stored(view, project.workspace.tables).frame.collect()
        return [one.summary for one in (*first, *second) if one.kind == "features.build"], rows


def test_a_build_in_partitions_writes_the_same_rows_into_a_bucket(s3, tmp_path):
    crowd.make(tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "bucket")
    said, rows = built(tmp_path / "whole")
    said_in_parts, rows_in_parts = built(
        tmp_path / "bucket", f"stores.tables=s3://{BUCKET}/crowd/tables", "engine.partitions=3"
    )
    assert said_in_parts == [f"{line}; 3 partitions on local" for line in said]
    assert_frame_equal(rows_in_parts, rows, check_exact=True)
    assert rows.select(pl.len()).item() == 2 * crowd.CUSTOMERS
