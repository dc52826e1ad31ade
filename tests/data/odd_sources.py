"""Sources as they come from the world: each a file as bytes, how it is declared, and what a person must be told.

`said` is what the error names; None where the file must be read.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass, field
from typing import Any

import polars as pl

ROW = "{id},2026-01-{day:02d},{amount}\n"


def sound(n: int = 40) -> str:
    """A small CSV file without a fault."""
    return "id,day,amount\n" + "".join(ROW.format(id=i, day=i % 28 + 1, amount=i * 1.5) for i in range(n))


def _parquet(rows: pl.DataFrame) -> bytes:
    file = io.BytesIO()
    rows.write_parquet(file)
    return file.getvalue()


@dataclass(frozen=True, slots=True)
class Odd:
    """One odd source."""

    name: str
    data: bytes
    said: str | None = None
    path: str = "rows.csv"
    declared: dict[str, Any] = field(default_factory=dict)


HEAD = b"id,day,amount\n"
TIMES = {"time": "day"}
SECONDS = {"time": "day", "time_format": "%s"}
BEYOND = pl.DataFrame({"id": range(20), "n": [9 * 10**18] * 3 + [17 * 10**14] * 17, "day": [2 * 10**9] * 20}).select(
    "id",
    at=pl.col("n").cast(pl.Datetime("us")),
    zoned=pl.col("n").cast(pl.Datetime("ms", "Asia/Tokyo")),
    day=pl.col("day").cast(pl.Int32).cast(pl.Date),
)

ODD = (
    Odd("sound", sound().encode(), declared=TIMES),
    Odd("quote never closed", HEAD + b'1,"2026-01-01,2\n3,2026-01-02,4\n', "line 2: bad quoting"),
    Odd("quote inside a field", HEAD + b'1,2026-01-01,2\n2,20"26,4\n', "line 3: the rows cannot be told apart"),
    Odd("latin-1 among utf-8", sound().encode() + "99,Gen\xe8ve,1\n".encode("latin-1"), "line 42: not UTF-8"),
    Odd("utf-16", sound().encode("utf-16"), "not UTF-8 but utf-16"),
    Odd("utf-16 without a mark", sound().encode("utf-16-le"), "not text in UTF-8"),
    Odd("byte order mark", b"\xef\xbb\xbf" + sound().encode(), declared=TIMES),
    Odd("dates in three formats", HEAD + b"1,2026-01-02,1\n2,02/01/2026,1\n3,2 Jan 2026,1\n" * 15, declared=TIMES),
    Odd("dates in another format", HEAD + b"1,02/01/2026,1\n" * 15, "none of the 15 values", declared=TIMES),
    Odd("zero rows", b"id,day,amount", declared=TIMES),
    Odd("header only", HEAD, declared=TIMES),
    Odd("one row", HEAD + b"1,2026-01-01,2\n", declared=TIMES),
    Odd("all null", HEAD + b",,\n" * 20),
    Odd("milliseconds read as seconds", HEAD + b"1,1767000000000,2\n" * 15, "none of the 15", declared=SECONDS),
    Odd("one time in milliseconds", HEAD + b"1,1767000000,2\n" * 15 + b"2,1767000000000,2\n", declared=SECONDS),
    Odd("times beyond the calendar", _parquet(BEYOND), path="rows.parquet", declared={"time": "at", "key": ["id"]}),
    Odd("a column named as a pattern", b"id,^.*$\n1,2\n", "line 1: a column called '^.*$'"),
    Odd("a column named as all", _parquet(pl.DataFrame({"id": [1], "*": [2]})), "column '*'", "rows.parquet"),
    Odd("infinities", HEAD + b"1,2026-01-01,inf\n2,2026-01-02,-inf\n3,2026-01-03,nan\n" * 15, declared=TIMES),
    Odd("integers beyond 64 bits", HEAD + b"184467440737095516160,2026-01-01,2\n" * 15, declared=TIMES),
    Odd("column name twice", b"id,day,id\n1,2026-01-01,2\n", "two columns are called 'id'"),
    Odd("NUL bytes", HEAD + b"1,2026-01-01,\x00\n" * 15, declared=TIMES),
    Odd("NUL in the header", b"id,da\x00y,amount\n1,2,3\n", "not text in UTF-8"),
    Odd("very long line", HEAD + b"1,2026-01-01," + b"x" * 2_000_000 + b"\n", declared=TIMES),
    Odd("very long quoted field", HEAD + b'1,2026-01-01,"' + b"x" * 2_000_000 + b'"\n', declared=TIMES),
    Odd("ragged, too many", HEAD + b"1,2026-01-01,2,9\n", "line 2: 4 fields where the header has 3"),
    Odd("ragged, too few", sound().encode() + b"99,2026-01-01\n", "line 42: 2 fields"),
    Odd("empty", b"", "is empty"),
    Odd("only line breaks", b"\n\n\n", "is empty"),
    Odd("line ends of old Macs", sound().replace("\n", "\r").encode(), "rows"),
    Odd("gzip", gzip.compress(sound().encode()), "is compressed (gzip)"),
    Odd("ten thousand columns", (",".join(f"c{i}" for i in range(10_000)) + "\n" + "1," * 9_999 + "1\n").encode()),
    Odd("a word for a missing number", HEAD + b"1,2026-01-01,2\n2,2026-01-02,n/a\n" * 15, declared=TIMES),
    Odd("damaged parquet", _parquet(pl.DataFrame({"id": range(99)}))[:-40], "cannot be opened", "rows.parquet"),
    Odd("no parquet at all", b"id,day\n1,2\n", "cannot be opened", "rows.parquet"),
    Odd("parquet without rows", _parquet(pl.DataFrame({"id": []}, schema={"id": pl.Int64})), path="rows.parquet"),
    Odd("a JSON line that is no object", b'{"id": 1}\n[2]\n', "line 2: a list", "rows.jsonl"),
    Odd("a JSON line cut off", b'{"id": 1}\n{"id": \n', "line 2: not JSON", "rows.jsonl"),
    Odd("a JSON line of another kind", b'{"id": 1}\n{"id": {"a": 2}}\n' * 9, "cannot be read to its end", "rows.jsonl"),
    Odd("deep JSON", b'{"id": 1, "x": ' + b'{"a": ' * 40 + b"1" + b"}" * 40 + b"}\n", path="rows.jsonl"),
    Odd("very deep JSON", b'{"id": 1, "x": ' + b"[" * 3_000 + b"]" * 3_000 + b"}\n", "", "rows.jsonl"),
    Odd("JSON integers beyond 64 bits", b'{"id": 184467440737095516160}\n' * 9, path="rows.jsonl"),
    Odd("JSON with a key twice", b'{"id": 1, "id": 2}\n', path="rows.jsonl"),
    Odd("empty JSON lines", b"", "holds no JSON object", "rows.jsonl"),
    Odd("no workbook", b"PK\x03\x04 not really", "cannot be read as an Excel workbook", "rows.xlsx"),
)
