"""Sources in a bucket: every format through the official clients, against a local server that speaks the protocol."""

import io
import socket

import polars as pl
import pytest
from tests.data import workbooks
from tests.integration.conftest import BUCKET

from assay.config.settings import Source
from assay.data import snapshots, sources
from assay.errors import ConfigError, DataError, ServiceUnreachable

ROWS = pl.DataFrame({"id": [1, 2, 3], "day": ["2026-01-01", "2026-01-02", "2026-01-03"], "amount": [1.5, None, 3.0]})
WRITERS = {
    "csv": lambda rows, file: rows.write_csv(file),
    "parquet": lambda rows, file: rows.write_parquet(file),
    "jsonl": lambda rows, file: rows.write_ndjson(file),
}


def put(s3, key, rows, kind):
    file = io.BytesIO()
    WRITERS[kind](rows, file)
    s3.put_object(Bucket=BUCKET, Key=key, Body=file.getvalue())


def declared(path, **others):
    return Source(path=f"s3://{BUCKET}/{path}", **others)


@pytest.mark.parametrize("kind", WRITERS)
def test_each_format_is_read_from_a_bucket_as_from_a_folder(s3, kind, tmp_path):
    put(s3, f"sales/rows.{kind}", ROWS, kind)
    frame = sources.read("sales", declared(f"sales/rows.{kind}", time="day"), tmp_path)
    snapshot = snapshots.take("sales", frame, tmp_path)
    assert snapshots.load(snapshot, tmp_path).select(ROWS.columns).collect().equals(ROWS)


def test_a_workbook_is_read_from_a_bucket(s3, tmp_path):
    book = workbooks.write(tmp_path / "book.xlsx", {"sales": [ROWS.columns, *map(list, ROWS.rows())]})
    s3.upload_file(str(book), BUCKET, "sales/book.xlsx")
    assert sources.read("sales", declared("sales/book.xlsx"), tmp_path).collect().equals(ROWS)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_pattern_stands_for_the_objects_that_it_matches_in_the_order_of_their_names(s3, kind, tmp_path):
    for number, part in enumerate((ROWS[2:], ROWS[:2])):
        put(s3, f"sales/2026-0{2 - number}.{kind}", part, kind)
    put(s3, f"sales/other.{kind}", ROWS, kind)
    assert sources.read("sales", declared(f"sales/2026-*.{kind}"), tmp_path).collect().equals(ROWS)


def test_what_is_not_there_or_not_sound_is_told(s3, tmp_path):
    with pytest.raises(ConfigError, match=r"no object s3://assay-models/none\.parquet"):
        sources.read("sales", declared("none.parquet"), tmp_path)
    with pytest.raises(ConfigError, match="NoSuchBucket"):
        sources.read("sales", Source(path="s3://never-made/x.csv"), tmp_path)
    with pytest.raises(ConfigError, match="names no object"):
        sources.read("sales", Source(path="s3://bucket.csv"), tmp_path)
    s3.put_object(Bucket=BUCKET, Key="broken.parquet", Body=b"PAR1 but not really")
    with pytest.raises(DataError, match="source 'sales' cannot be opened"):
        sources.read("sales", declared("broken.parquet"), tmp_path)


def test_a_server_that_does_not_answer_is_unreachable(s3, monkeypatch, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(ServiceUnreachable, match="does not answer"):
        sources.read("sales", declared("rows.csv"), tmp_path)
