"""CSV files, proved sound before they are read: every record has as many fields as the header, quotes close, UTF-8.

A fast reader fills short rows with nulls, turns `00123` into 123, a whole number beyond 64 bits into another one, and
takes a column of numbers with one blank for text, all without a word. One cheap pass over the file refuses the first,
naming the line; a second looks at every value as text and decides what its column holds. Neither keeps rows in memory.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from assay.config.settings import Source
from assay.data.addressed import first_line
from assay.data.blank_rows import without_blank_rows
from assay.errors import DataError

SEPARATORS = (",", ";", "\t", "|")  # a comma wherever the header has one
LEADING_ZERO = r"^\s*[+-]?0\d"
BLANK = r"^[ \t]+$"  # a missing value, however many blanks it is written with
FLAG = r"^(?i:true|false)$"
WHOLE = r"^[+-]?\d+$"
PATTERN_NAME = re.compile(r"\*|\^.*\$", re.DOTALL)  # a name that Polars takes for a pattern of names
BLANK_LINES = frozenset({b"\n", b"\r\n"})
LONGEST_FIELD = 1 << 24  # characters; Python's own limit of 131,072 is less than a page of a web site
COMPRESSED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"BZ": "bzip2", b"\xfd7zXZ": "xz"}
WIDE_TEXT = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What the structure pass found in one file."""

    header: tuple[str, ...]
    separator: str
    n_records: int
    n_blank_lines: int


@dataclass(frozen=True, slots=True)
class Texts:
    """What the values look like before they are read as anything else.

    Attributes:
        types: What each column holds, where that is not text.
        blanks: The ways in which a missing value is written with blanks.
    """

    types: dict[str, pl.DataType]
    blanks: set[str]


def scan(paths: Sequence[Path], source: Source) -> pl.LazyFrame:
    """A lazy frame over sound files with one header; types are inferred from every row.

    Raises:
        DataError: A file is malformed; names the file and the line.
    """
    shapes = [_shape(path) for path in paths]
    for path, shape in zip(paths, shapes, strict=True):
        if shape.header != shapes[0].header or shape.separator != shapes[0].separator:
            raise DataError(
                f"{path}: its header {_shown(shape.header)} differs from that of {paths[0].name}, "
                f"{_shown(shapes[0].header)}. "
                "Files of one source need the same columns in the same order."
            )
    separator, header = shapes[0].separator, shapes[0].header
    found = _texts(paths, shapes, separator, source)
    declared = _declared_text(source, header)
    frame = pl.scan_csv(
        list(paths),
        separator=separator,
        glob=False,
        infer_schema=False,
        null_values=[*source.null_values, *sorted(found.blanks)] or None,
    )
    typed = frame.with_columns(_read(column, dtype) for column, dtype in found.types.items() if column not in declared)
    return _without_blank_lines(typed, shapes)


def _shape(path: Path) -> Shape:
    """Read the file once as records; memory holds one record at a time."""
    separator = _separator(path)
    return _shape_of_lines(path, separator) or _shape_of_records(path, separator)


def _shape_of_lines(path: Path, separator: str) -> Shape | None:
    """The quick way, for files where every line is a record; None where there is a quote or anything else to look at.

    Fields are counted by their separators, several times as fast as they are told apart.
    """
    mark = separator.encode()
    try:
        with path.open("rb") as file:
            first = file.readline(LONGEST_FIELD)
            header = first.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
            if not header or b'"' in header or b"\r" in header or not first.endswith(b"\n"):
                return None
            names = tuple(header.decode("utf-8").split(separator))
            n_separators, n_records, n_blank = len(names) - 1, 0, 0
            for line in file:
                if not line.isascii():
                    line.decode("utf-8")
                if line in BLANK_LINES:
                    n_blank += 1
                elif b'"' in line or line.count(mark) != n_separators or b"\r" in line[:-2]:
                    return None
                else:
                    n_records += 1
    except UnicodeDecodeError as failure:
        raise DataError(_not_utf8(path)) from failure
    _refuse_bad_header(path, names)
    return Shape(names, separator, n_records, n_blank)


def _shape_of_records(path: Path, separator: str) -> Shape:
    """The thorough way: every record is told apart as the format's rules have it."""
    n_records = n_blank = 0
    start = 1
    before = csv.field_size_limit(LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = csv.reader(file, delimiter=separator, strict=True)
            header = tuple(next(records, ()))
            _refuse_bad_header(path, header)
            start = records.line_num + 1
            for record in records:
                if not record:
                    n_blank += 1
                elif len(record) != len(header):
                    raise DataError(_ragged(path, start, record, header))
                else:
                    n_records += 1
                start = records.line_num + 1
    except csv.Error as failure:
        raise DataError(
            f'{path}, line {start}: bad quoting, {failure}. A field with quotes is written "like ""this""", and a '
            "quote that opens must close."
        ) from failure
    except UnicodeDecodeError as failure:
        raise DataError(_not_utf8(path)) from failure
    finally:
        csv.field_size_limit(before)
    return Shape(header, separator, n_records, n_blank)


def _separator(path: Path) -> str:
    """A comma, or what stands most often in a header that has none."""
    with path.open("rb") as file:
        header = file.readline(1 << 20).decode("utf-8", errors="replace")
    return "," if "," in header else max(SEPARATORS, key=header.count)


def _refuse_bad_header(path: Path, header: tuple[str, ...]) -> None:
    if not header:
        raise DataError(f"{path} is empty. A CSV file needs a header with the names of its columns.")
    if any("\x00" in name for name in header):
        raise DataError(f"{path}, line 1: the file is not text in UTF-8. Save it as UTF-8.")
    pattern = next((name for name in header if PATTERN_NAME.fullmatch(name)), None)
    if pattern is not None:
        raise DataError(f"{path}, line 1: a column called {pattern!r} would stand for several columns. Rename it.")
    twice = next((name for name in header if header.count(name) > 1), None) if len(set(header)) < len(header) else None
    if twice is not None:
        raise DataError(f"{path}, line 1: two columns are called {twice!r}. Rename one, for a rule could mean either.")


def _ragged(path: Path, line: int, record: list[str], header: tuple[str, ...]) -> str:
    return (
        f"{path}, line {line}: {len(record)} fields where the header has {len(header)}: {_shown(record)}. "
        "Correct the line; a field that contains the separator must be quoted."
    )


def _shown(fields: Sequence[str]) -> str:
    text = ",".join(fields)
    return repr(text if len(text) <= 80 else text[:79] + "…")


def _not_utf8(path: Path) -> str:
    """What the file is instead, or which line is the first that is not UTF-8, found by bytes."""
    with path.open("rb") as file:
        start = file.read(8)
        for mark, kind in COMPRESSED.items():
            if start.startswith(mark):
                return f"{path} is compressed ({kind}). Unpack it, and name the file that comes out."
        for mark, encoding in WIDE_TEXT.items():
            if start.startswith(mark):
                return f"{path}, line 1: not UTF-8 but {encoding}. Save it as UTF-8: `iconv -f {encoding} -t utf-8`."
        file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as failure:
                shown = line[max(0, failure.start - 20) : failure.end + 20]
                return (
                    f"{path}, line {number}: not UTF-8 near {shown!r}. Save the file as UTF-8, for example "
                    f"`iconv -f latin1 -t utf-8 {path.name}` where it was written in Latin-1."
                )
    return f"{path} is not UTF-8. Save it as UTF-8."


def _texts(paths: Sequence[Path], shapes: Sequence[Shape], separator: str, source: Source) -> Texts:
    """Look at every value as text; also proves that every row can be read."""
    nulls = list(source.null_values) or None
    as_text = pl.scan_csv(list(paths), separator=separator, glob=False, infer_schema=False, null_values=nulls)
    header = as_text.collect_schema().names()
    try:
        return _looked_at(as_text, header, paths, shapes)
    except PolarsError as failure:
        raise DataError(_unreadable(paths, first_line(failure))) from failure


def _looked_at(as_text: pl.LazyFrame, header: Sequence[str], paths: Sequence[Path], shapes: Sequence[Shape]) -> Texts:
    value = pl.all()
    plain = value.str.strip_chars(" \t")
    questions = {
        "known": value.is_not_null(),
        "blank": value.str.contains(BLANK),
        "number": plain.cast(pl.Float64, strict=False).is_not_null(),
        "integer": plain.cast(pl.Int64, strict=False).is_not_null(),
        "code": value.str.contains(LEADING_ZERO),
        "flag": value.str.contains(FLAG),
    }
    counted = as_text.select(pl.len(), *(asked.sum().name.suffix(f" {name}") for name, asked in questions.items()))
    n_read, *counts = counted.collect(engine="streaming").row(0)
    n_expected = sum(shape.n_records + shape.n_blank_lines for shape in shapes)
    if n_read != n_expected:
        raise DataError(_unreadable(paths, f"{n_read:,} rows read, {n_expected:,} in the file"))
    width = len(header)
    of = {name: dict(zip(header, counts[at * width :], strict=False)) for at, name in enumerate(questions)}
    present = {column: of["known"][column] - of["blank"][column] for column in header}
    numeric = [one for one in header if present[one] and of["number"][one] == present[one] and not of["code"][one]]
    whole = {column for column in numeric if of["integer"][column] == present[column]}
    types: dict[str, pl.DataType] = {column: pl.Int64() for column in whole}
    types |= {column: pl.Float64() for column in numeric if column not in whole}
    types |= {column: pl.Boolean() for column in header if present[column] and of["flag"][column] == present[column]}
    for column in _beyond_64_bits(as_text, [one for one in numeric if one not in whole], present):
        del types[column]
    return Texts(types, _blanks(as_text, [column for column in header if of["blank"][column]]))


def _beyond_64_bits(as_text: pl.LazyFrame, columns: Sequence[str], present: dict[str, int]) -> list[str]:
    """Columns of whole numbers of which some need more than 64 bits: as floats they would be other numbers."""
    if not columns:
        return []
    is_whole = pl.col(columns).str.strip_chars(" \t").str.contains(WHOLE)
    counts = as_text.select(is_whole.sum()).collect(engine="streaming").row(0)
    return [column for column, count in zip(columns, counts, strict=True) if count == present[column]]


def _blanks(as_text: pl.LazyFrame, columns: Sequence[str]) -> set[str]:
    """Every way in which a value of these columns is written with nothing but blanks."""
    found: set[str] = set()
    for column in columns:
        value = pl.col(column)
        blank = as_text.select(value.filter(value.str.contains(BLANK))).unique().collect(engine="streaming")
        found |= set(blank[column].to_list())
    return found


def _read(column: str, dtype: pl.DataType) -> pl.Expr:
    text = pl.col(column)
    if dtype == pl.Boolean:
        return text.str.to_lowercase() == "true"
    return text.str.strip_chars(" \t").cast(dtype)


def _unreadable(paths: Sequence[Path], reason: str) -> str:
    place = next(_stray_quotes(paths), ", ".join(path.name for path in paths[:5]))
    return f"{place}: the rows cannot be told apart ({reason}). Quote every field that contains a quote."


def _stray_quotes(paths: Sequence[Path]) -> Iterator[str]:
    """File and line of quotes that stand inside a field which does not start with one."""
    for path in paths:
        stray = re.compile(rf'(?:^|{re.escape(_separator(path))})[^"{re.escape(_separator(path))}\r\n]+"')
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from (f"{path}, line {number}" for number, line in enumerate(file, start=1) if stray.search(line))


def _declared_text(source: Source, header: Sequence[str]) -> set[str]:
    return {one.column for one in source.expectations if one.type == "text" and one.column in header and one.column}


def _without_blank_lines(frame: pl.LazyFrame, shapes: Sequence[Shape]) -> pl.LazyFrame:
    """Blank lines between records are no rows; in a file of one column they are a missing value."""
    if len(shapes[0].header) == 1 or not any(shape.n_blank_lines for shape in shapes):
        return frame
    return without_blank_rows(frame)
