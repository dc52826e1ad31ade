"""Excel workbooks as sources: one sheet, its first row the names of the columns, read by fastexcel (an extra).

A workbook knows numbers, texts, dates and flags; a column that mixes them is text. Whole numbers come out as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from assay.config.settings import Source
from assay.data.addressed import first_line
from assay.errors import ConfigError, DataError

LARGEST_EXACT = 2**53  # beyond it a cell, which is a float, no longer knows every whole number


def read(name: str, paths: Sequence[Path], source: Source) -> pl.LazyFrame:
    """The rows of the declared sheet, or of the first one; blank rows are left out.

    Raises:
        ConfigError: fastexcel is not installed, or there is no such sheet.
        DataError: A file is no workbook, its sheet is empty, or a name stands twice in its first row.
    """
    fastexcel = _library(name)
    frames = [_sheet(fastexcel, name, path, source.sheet) for path in paths]
    for path, frame in zip(paths, frames, strict=True):
        if frame.columns != frames[0].columns:
            raise DataError(
                f"{path}: its columns {frame.columns} differ from those of {paths[0].name}, {frames[0].columns}. "
                "Files of one source need the same columns in the same order."
            )
    return pl.concat(frames, how="vertical_relaxed").lazy()


def _library(name: str) -> ModuleType:
    try:
        import fastexcel
    except ModuleNotFoundError as failure:
        raise ConfigError(
            f"sources.{name}: Excel files need a library that is not installed: pip install 'assay[excel]'."
        ) from failure
    module: ModuleType = fastexcel
    return module


def _sheet(fastexcel: Any, name: str, path: Path, sheet: str | None) -> pl.DataFrame:
    try:
        workbook = fastexcel.read_excel(path)
        if sheet is not None and sheet not in workbook.sheet_names:
            known = ", ".join(map(repr, workbook.sheet_names))
            raise ConfigError(f"sources.{name}.sheet: {path.name} has no sheet {sheet!r}; it has {known}.")
        chosen = sheet if sheet is not None else 0
        _refuse_bad_header(path, workbook.load_sheet(chosen, header_row=None, n_rows=1).to_polars())
        rows: pl.DataFrame = workbook.load_sheet(chosen, schema_sample_rows=None).to_polars()
    except fastexcel.FastExcelError as failure:
        raise DataError(
            f"{path} cannot be read as an Excel workbook: {first_line(failure)}. Save it as .xlsx."
        ) from failure
    whole = rows.filter(~pl.all_horizontal(pl.all().is_null()))
    return whole.with_columns(_plain(whole[column]) for column in whole.columns)


def _refuse_bad_header(path: Path, first: pl.DataFrame) -> None:
    names = [str(one).strip() for one in (first.row(0) if first.height else ()) if one is not None]
    if not names or len(names) < len(first.columns):
        raise DataError(f"{path}: the first row of the sheet must name every column; it holds {names[:10]}.")
    twice = next((one for one in names if names.count(one) > 1), None)
    if twice is not None:
        raise DataError(f"{path}: two columns are called {twice!r}. Rename one, for a rule could mean either.")


def _plain(column: pl.Series) -> pl.Series:
    """Whole numbers as integers, moments in microseconds; anything else as it is."""
    if column.dtype == pl.Float64 and column.null_count() < column.len():
        is_whole = ((column == column.round()) & (column.abs() < LARGEST_EXACT)).all()
        return column.cast(pl.Int64) if is_whole else column
    return column.cast(pl.Datetime("us")) if isinstance(column.dtype, pl.Datetime) else column
