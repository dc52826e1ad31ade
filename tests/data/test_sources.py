"""Sources: every format is read rightly or refused with file and line, and every row gets its time."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.settings import Expectation, Source
from assay.data import csv_files, event_time, sources
from assay.errors import ConfigError, DataError, ServiceUnreachable


def rows_of(folder: Path, text: str | bytes, **declared: object) -> pl.DataFrame:
    path = folder / "rows.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return sources.read("rows", Source(path="rows.csv", **declared), folder).collect()


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a,b\n1,2\n3,4,5\n", 3, "3 fields where the header has 2"),
        ("a,b\n1,2\n3\n6,7\n", 3, "1 fields where the header has 2"),
        ('a,b\n1,"x"y"\n3,4\n', 2, "bad quoting"),
        ('a,b\n1,2\n5,"open\n3,4\n', 3, "bad quoting"),
        ('a,b\n"two\nlines",2\n3\n', 4, "1 fields"),
        ('a,b\n1,2\n3,x"y\n', 3, "cannot be told apart"),
        ("a,b\n1,2\né,3\n".encode("latin-1"), 3, "not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), 1, "not UTF-8"),
    ],
)
def test_a_malformed_csv_file_is_refused_with_its_name_and_line(tmp_path, text, line, said):
    with pytest.raises(DataError, match=said) as refusal:
        rows_of(tmp_path, text)
    assert f"rows.csv, line {line}:" in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a,b\n1,"two\nlines, quoted"\n', [(1, "two\nlines, quoted")]),
        ('a,b\n1,"say ""yes"""\n', [(1, 'say "yes"')]),
        ("a;b\n1;2,5\n", [(1, "2,5")]),
        ("a\tb\n1\t2\n", [(1, 2)]),
        ("\ufeffa,b\n1,2\n", [(1, 2)]),
        ("a,b\r\n1,2\r\n", [(1, 2)]),
        ("a,b\n1,2\n\n3,4\n\n", [(1, 2), (3, 4)]),
        ("a,b\n1,\n,2\n", [(1, None), (None, 2)]),
        ("a\n1\n\n3\n", [(1,), (None,), (3,)]),
        ("a,b\n1,x\n", [(1, "x")]),
        ("a,b\n", []),
    ],
)
def test_an_odd_but_sound_csv_file_is_read_as_it_was_meant(tmp_path, text, expected):
    assert rows_of(tmp_path, text).rows() == expected


def test_codes_with_leading_zeros_stay_text_and_late_text_does_not_break_a_number_column(tmp_path):
    many = "\n".join(f"{n}" for n in range(500))
    assert rows_of(tmp_path, "zip\n02134\n10001\n")["zip"].to_list() == ["02134", "10001"]
    assert rows_of(tmp_path, f"n\n{many}\nunknown\n")["n"].to_list()[-1] == "unknown"
    assert rows_of(tmp_path, "n\n0\n0.5\n-0.25\n").dtypes == [pl.Float64]


def test_a_column_expected_to_be_text_is_read_as_text_and_null_values_become_null(tmp_path):
    rows = rows_of(
        tmp_path, "id,n\n7,NA\n8,1\n", null_values=("NA",), expectations=(Expectation(column="id", type="text"),)
    )
    assert rows.rows() == [("7", None), ("8", 1)]


def test_an_empty_csv_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="is empty"):
        rows_of(tmp_path, "")


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(*[st.text(st.characters(codec="utf-8", exclude_characters="\x00\r", exclude_categories=["Cs"]))] * 3),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_pythons_writer_writes_is_read_back_or_refused(tmp_path_factory, records):
    import csv

    folder = tmp_path_factory.mktemp("csv")
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("a", "b", "c"), *records])
    declared = tuple(Expectation(column=name, type="text") for name in "abc")
    rows = sources.read("rows", Source(path="rows.csv", expectations=declared), folder).collect()
    assert rows.rows() == [tuple(None if one and not one.strip(" \t") else one for one in record) for record in records]


def test_files_that_match_a_pattern_are_one_source_and_must_share_their_header(tmp_path):
    (tmp_path / "part-2.csv").write_text("a,b\n2,x\n")
    (tmp_path / "part-1.csv").write_text("a,b\n1,2\n")
    source = Source(path="part-*.csv")
    assert sources.read("parts", source, tmp_path).collect().rows() == [(1, "2"), (2, "x")]
    (tmp_path / "part-3.csv").write_text("b,a\n1,2\n")
    with pytest.raises(DataError, match=r"part-3\.csv.*differs"):
        sources.read("parts", source, tmp_path)


def test_json_lines_take_columns_and_types_from_every_line(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n\n{"a": 2.5, "b": "x"}\n')
    assert sources.read("rows", Source(path="rows.jsonl"), tmp_path).collect().rows() == [(1.0, None), (2.5, "x")]


@pytest.mark.parametrize(("text", "said"), [('{"a": 1}\n{"a":\n', "line 2: not JSON"), ("[1]\n", "line 1: a list")])
def test_a_bad_json_line_is_named(tmp_path, text, said):
    (tmp_path / "rows.jsonl").write_text(text)
    with pytest.raises(DataError, match=said):
        sources.read("rows", Source(path="rows.jsonl"), tmp_path)


def test_a_damaged_parquet_file_is_refused_by_name(tmp_path):
    (tmp_path / "rows.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="source 'rows' cannot be opened"):
        sources.read("rows", Source(path="rows.parquet"), tmp_path)


@pytest.fixture
def database(tmp_path):
    with sqlite3.connect(tmp_path / "sales.db") as connection:
        connection.execute("create table sales (id integer, at text, amount real)")
        connection.executemany("insert into sales values (?, ?, ?)", [(1, "2026-01-01", 2.5), (2, "2026-01-02", None)])
    connection.close()
    return tmp_path


def sales(query: str) -> Source:
    return Source(url="sqlite:///sales.db", query=query)


def test_a_database_is_read_by_its_query_from_beside_assay_yaml(database):
    source = sales("select *, '12:30' as clock from sales order by id").model_copy(update={"time": "at"})
    rows = sources.read("sales", source, database).collect()
    assert rows.select("id", "amount", "clock").rows() == [(1, 2.5, "12:30"), (2, None, "12:30")]
    assert rows["event_time"][1] == datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "query",
    [
        "delete from sales",
        "with gone as (select 1) delete from sales",
        "/* select */ drop table sales",
        "select 1; drop table sales",
    ],
)
def test_a_query_cannot_change_the_database(database, query):
    with pytest.raises(ConfigError):
        sources.read("sales", sales(query), database)
    assert sources.read("sales", sales("select * from sales"), database).collect().height == 2


def test_a_database_that_is_not_there_is_named_and_not_made(tmp_path):
    with pytest.raises(ConfigError, match="there is no SQLite file"):
        sources.read("sales", sales("select 1"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path):
    pytest.importorskip("psycopg")
    for url in ("postgresql://me:secret@127.0.0.1:9/sales", "postgresql://127.0.0.1:9/sales?user=me&password=secret"):
        with pytest.raises(ServiceUnreachable, match="does not answer") as refusal:
            sources.read("sales", Source(url=url, query="select 1"), tmp_path)
        assert "secret" not in str(refusal.value)


def test_a_port_that_is_no_number_is_a_slip_in_the_url(tmp_path):
    source = Source(url="postgresql://me:secret@host:port/sales", query="select 1")
    with pytest.raises(ConfigError, match=r"sources\.sales\.url") as refusal:
        sources.read("sales", source, tmp_path)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"key": ("gameid",)}, "sources.games.key: the source has no column 'gameid'; did you mean 'game_id'"),
        ({"time": "date"}, "sources.games.time"),
        ({"known_before": ("teem",)}, "did you mean 'team'"),
        ({"columns": {"pints": "Points scored"}}, "did you mean 'points'"),
        ({"expectations": (Expectation(column="poinst", minimum=0),)}, r"expectations\[0\].column.*'points'"),
    ],
)
def test_a_column_that_is_not_there_is_refused_with_the_nearest_one(tmp_path, declared, said):
    (tmp_path / "games.csv").write_text("game_id,team,points\n1,BOS,99\n")
    with pytest.raises(ConfigError, match=said):
        sources.read("games", Source(path="games.csv", **declared), tmp_path)


def test_a_missing_file_and_an_unknown_ending_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no file"):
        sources.read("games", Source(path="games-*.csv"), tmp_path)
    with pytest.raises(ConfigError, match="does not say its format"):
        sources.read("games", Source(path="games.xls"), tmp_path)


def test_a_column_named_as_one_of_ours_is_refused_unless_it_is_the_time(tmp_path):
    with pytest.raises(ConfigError, match="known_at"):
        rows_of(tmp_path, "id,known_at\n1,2026-01-01\n")
    assert rows_of(tmp_path, "id,event_time\n1,2026-01-01\n", time="event_time").columns == [
        "id",
        "event_time",
        "known_at",
    ]


@pytest.mark.parametrize(
    ("values", "time_format", "expected"),
    [
        (["6/16/2015", "11/1/1946"], "%m/%d/%Y", datetime(2015, 6, 16, tzinfo=UTC)),
        (["2015-06-16", None], None, datetime(2015, 6, 16, tzinfo=UTC)),
        (["2015-06-16T20:30:00Z", "2015-06-16 20:30"], None, datetime(2015, 6, 16, 20, 30, tzinfo=UTC)),
        (["2015-06-16T22:30:00.25+02:00"], None, datetime(2015, 6, 16, 20, 30, 0, 250_000, tzinfo=UTC)),
        ([date(2015, 6, 16)], None, datetime(2015, 6, 16, tzinfo=UTC)),
        ([datetime(2015, 6, 16, 20)], None, datetime(2015, 6, 16, 20, tzinfo=UTC)),  # noqa: DTZ001 - naive on purpose
        ([datetime(2015, 6, 16, 20, tzinfo=UTC)], None, datetime(2015, 6, 16, 20, tzinfo=UTC)),
        ([2015], "%Y", datetime(2015, 1, 1, tzinfo=UTC)),
        ([20150616], "%Y%m%d", datetime(2015, 6, 16, tzinfo=UTC)),
        ([1434486600], "%s", datetime(2015, 6, 16, 20, 30, tzinfo=UTC)),
    ],
)
def test_times_are_read_to_utc_whatever_they_were_written_as(values, time_format, expected):
    frame = pl.DataFrame({"at": values})
    source = Source(path="x.csv", time="at", time_format=time_format, delay=timedelta(hours=2))
    rows = event_time.add("x", frame.lazy(), frame.schema, source).collect()
    assert rows.schema["event_time"] == pl.Datetime("us", "UTC") == rows.schema["known_at"]
    assert rows["event_time"][0] == expected
    assert rows["known_at"][0] == expected + timedelta(hours=2)


def test_numbers_without_a_format_are_no_times_and_the_error_says_what_to_do():
    frame = pl.DataFrame({"at": [1_434_486_600]})
    with pytest.raises(ConfigError, match="time_format: '%s'"):
        event_time.add("x", frame.lazy(), frame.schema, Source(path="x.csv", time="at"))


def test_some_unreadable_times_keep_their_rows_without_a_time(tmp_path):
    rows = rows_of(tmp_path, "id,at\n1,2026-01-01\n2,soon\n3,\n", time="at")
    assert rows["event_time"].is_null().to_list() == [False, True, True]
    assert rows["known_at"].null_count() == 2


def test_a_format_that_fits_no_row_is_refused_with_examples(tmp_path):
    with pytest.raises(DataError, match=r"none of the 2 values in column 'at'.*'16\.06\.2015'"):
        rows_of(tmp_path, "at\n16.06.2015\n17.06.2015\n", time="at")


def test_nba_times_without_padding_are_all_read(assay_data):
    source = Source(path="nba_elo/nbaallelo.parquet", time="date_game", time_format="%m/%d/%Y", null_values=("NULL",))
    frame = sources.read("games", source, assay_data)
    found = frame.select(
        rows=pl.len(),
        missing=pl.col("event_time").null_count(),
        last=pl.col("event_time").max(),
        notes=pl.col("notes").count(),
    ).collect()
    assert found.row(0) == (126_314, 0, datetime(2015, 6, 16, tzinfo=UTC), 126_314 - 88_308 - 32_582)


def test_telco_is_read_with_its_blank_charges_missing(assay_data):
    rows = sources.read(
        "telco", Source(path="telco_churn/Telco-Customer-Churn.csv", key=("customerID",)), assay_data
    ).collect()
    assert rows.shape == (7_043, 21)
    assert rows["TotalCharges"].null_count() == 11


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from([",", "\n", "\r\n", "a", "1", '"', "é", "\ufeff", " ", "\r"]), max_size=24))
def test_counting_lines_finds_the_shape_that_telling_records_apart_finds_or_leaves_it_to_that(tmp_path_factory, pieces):
    path = tmp_path_factory.mktemp("shape") / "rows.csv"
    path.write_bytes(("x,y\n" + "".join(pieces)).encode())
    quick = csv_files._shape_of_lines(path, ",")
    if quick is not None:
        assert quick == csv_files._shape_of_records(path, ",")


def test_whole_numbers_beyond_64_bits_stay_text_and_flags_and_blanks_are_what_they_say(tmp_path):
    rows = rows_of(tmp_path, "big,flag,n,x\n184467440737095516160,true, 7 ,1.5\n1,False,  ,2\n,,,\n")
    assert rows.dtypes == [pl.String, pl.Boolean, pl.Int64, pl.Float64]
    assert rows.rows() == [("184467440737095516160", True, 7, 1.5), ("1", False, None, 2.0), (None, None, None, None)]
