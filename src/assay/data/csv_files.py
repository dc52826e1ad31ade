"""CSV files, proved sound before they are read: every record has as many fields as the header, quotes close, UTF-8.

A fast reader fills short rows with nulls, turns `00123` into 123 and takes a column of numbers with one blank for text,
all without a word. One cheap pass over the file refuses the first, naming the line; a second finds the other two.
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
from assay.errors import DataError

SEPARATORS = (",", ";", "\t", "|")  # a comma wherever the header has one
LEADING_ZERO = r"^\s*[+-]?0\d"
BLANK = r"^[ \t]+$"  # a missing value, however many blanks it is written with


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
        codes: Columns with a value such as 00123, which is a code and no number.
        blanks: The ways in which a missing value is written with blanks.
    """

    codes: set[str]
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
    found = _texts(paths, shapes, separator)
    frame = pl.scan_csv(
        list(paths),
        separator=separator,
        glob=False,
        infer_schema_length=None,
        infer_schema_files=len(paths),
        schema_overrides=dict.fromkeys(found.codes | _declared_text(source, header), pl.String),
        null_values=[*source.null_values, *sorted(found.blanks)] or None,
    )
    return _without_blank_lines(frame, shapes)


def _shape(path: Path) -> Shape:
    """Read the file once as records; memory holds one record at a time."""
    separator = _separator(path)
    n_records = n_blank = 0
    start = 1
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


def _ragged(path: Path, line: int, record: list[str], header: tuple[str, ...]) -> str:
    return (
        f"{path}, line {line}: {len(record)} fields where the header has {len(header)}: {_shown(record)}. "
        "Correct the line; a field that contains the separator must be quoted."
    )


def _shown(fields: Sequence[str]) -> str:
    text = ",".join(fields)
    return repr(text if len(text) <= 80 else text[:79] + "…")


def _not_utf8(path: Path) -> str:
    """Which line is the first that is not UTF-8, found by bytes."""
    with path.open("rb") as file:
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


def _texts(paths: Sequence[Path], shapes: Sequence[Shape], separator: str) -> Texts:
    """Look at every value as text; also proves that every row can be read."""
    as_text = pl.scan_csv(list(paths), separator=separator, glob=False, infer_schema=False)
    try:
        found = as_text.select(
            pl.all().str.contains(LEADING_ZERO).any().name.prefix("code:"),
            pl.all().filter(pl.all().str.contains(BLANK)).unique().implode().name.prefix("blanks:"),
            pl.len().alias("rows"),
        ).collect()
    except PolarsError as failure:
        raise DataError(_unreadable(paths, first_line(failure))) from failure
    n_read, n_expected = found["rows"].item(), sum(shape.n_records + shape.n_blank_lines for shape in shapes)
    if n_read != n_expected:
        raise DataError(_unreadable(paths, f"{n_read:,} rows read, {n_expected:,} in the file"))
    header = as_text.collect_schema().names()
    codes = {column for column in header if found[f"code:{column}"].item()}
    return Texts(codes, {blank for column in header for blank in found[f"blanks:{column}"].item()})


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
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))
