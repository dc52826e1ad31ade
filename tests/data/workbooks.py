"""Excel workbooks in the format's smallest form, written without a library."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
FORMATS = '<xf numFmtId="0"/><xf numFmtId="14"/>'  # as it is; as a date
EPOCH = date(1899, 12, 30)


def write(path: Path, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> Path:
    """A workbook with these sheets, each a list of rows; None leaves a cell out, `#DIV/0!` is an error."""
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="s{number}"/>'
        for number, name in enumerate(sheets, start=1)
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{TYPES}"><Default Extension="xml" ContentType="text/xml"/></Types>',
        "_rels/.rels": _relations({"r": ("officeDocument", "xl/workbook.xml")}),
        "xl/styles.xml": f'<styleSheet xmlns="{SHEETS}"><cellXfs count="2">{FORMATS}</cellXfs></styleSheet>',
        "xl/workbook.xml": f'<workbook xmlns="{SHEETS}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>',
    }
    related = {f"s{number}": ("worksheet", f"worksheets/s{number}.xml") for number in range(1, len(sheets) + 1)}
    parts["xl/_rels/workbook.xml.rels"] = _relations({**related, "style": ("styles", "styles.xml")})
    for number, rows in enumerate(sheets.values(), start=1):
        body = "".join(f'<row r="{row}">{_cells(row, values)}</row>' for row, values in enumerate(rows, start=1))
        parts[f"xl/worksheets/s{number}.xml"] = f'<worksheet xmlns="{SHEETS}"><sheetData>{body}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w") as file:
        for name, text in parts.items():
            file.writestr(name, text)
    return path


def _relations(related: Mapping[str, tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="{name}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for name, (kind, target) in related.items()
    )
    return f'<Relationships xmlns="{RELATIONS}">{inner}</Relationships>'


def _cells(row: int, values: Sequence[Any]) -> str:
    return "".join(_cell(f"{chr(65 + column)}{row}", value) for column, value in enumerate(values) if value is not None)


def _cell(place: str, value: Any) -> str:
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value}</v></c>'
    if isinstance(value, date):
        return f'<c r="{place}" s="1"><v>{(value - EPOCH).days}</v></c>'
    if value.startswith("#"):
        return f'<c r="{place}" t="e"><v>{value}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
