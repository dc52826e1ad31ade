"""The hash chain: how a piece of evidence becomes a sealed row, and how a row is opened again.

A record's body is canonical JSON that holds its own number and the digest of the record before it; its digest is
SHA-256 over that body. Knows nothing of databases; `verification.py` walks a whole chain.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson

from assay.errors import IntegrityError, UsageError
from assay.ledger.canonical import LARGEST_INTEGER, canonical
from assay.ledger.evidence import Evidence, plain

GENESIS = "0" * 64  # what the first record names as the digest before it
LARGEST_RECORD = 1_000_000  # bytes of canonical JSON

_ID = re.compile(r"E-(\d{6}|[1-9]\d{6,17})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FIELDS = frozenset(
    ("figures", "id", "kind", "parents", "previous", "run", "sequence", "subject", "summary", "time", "verdict")
)


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain: number and digest of the last record; 0 and zeros where there is none."""

    sequence: int
    digest: str


EMPTY = Head(0, GENESIS)


class Row(NamedTuple):
    """A record as it is stored: the body, its digest, and the columns that searches use."""

    sequence: int
    kind: str
    subject: str
    run: str
    time: str
    digest: str
    body: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A record whose text is ready but for what only the writer whose turn it is knows: number, previous and time.

    `texts` are the stretches of canonical JSON before, between and after the id, `previous`, number and time.
    """

    kind: str
    subject: str
    run: str
    parents: tuple[int, ...]
    texts: tuple[str, str, str, str, str]


class Opened(NamedTuple):
    """A row that is what its digest says: the evidence, its number inside the record, and the digest before it."""

    evidence: Evidence
    sequence: int
    previous: str


def id_of(sequence: int) -> str:
    """`E-000042` for 42."""
    return f"E-{sequence:06d}"


def sequence_of(evidence_id: str) -> int | None:
    """42 for `E-000042`; None for what is not an evidence id."""
    found = _ID.fullmatch(evidence_id)
    return int(found[1]) if found else None


def digest_of(body: str) -> str:
    """SHA-256 of the body, hexadecimal. Bytes that are not UTF-8, kept as surrogates, count as they are on disk."""
    return hashlib.sha256(body.encode("utf-8", "surrogateescape")).hexdigest()


def draft(evidence: Evidence, *, run: str) -> Draft:
    """Check a piece of evidence and write its canonical text, outside the writer's turn.

    Raises:
        UsageError: It was recorded before, names a parent that is no evidence id, holds text that is not Unicode or a
            control character in a name, is nested too deep, or is larger than 1 MB.
        TypeError: A figure has no JSON form.
    """
    what = f"evidence {evidence.kind} about {evidence.subject!r}"
    if evidence.id:
        raise UsageError(
            f"{what} was recorded already, as {evidence.id}. Record each piece once and use what is returned."
        )
    for name in (evidence.subject, run):
        if _CONTROL.search(name):
            raise UsageError(f"{what}: {name!r} holds control characters. Names are one line of plain text.")
    try:
        texts = _texts(evidence, run)
        size = sum(len(text.encode()) for text in texts)
    except UnicodeEncodeError as error:
        raise UsageError(f"{what} holds text that is not valid Unicode ({error.reason}). Decode it first.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{what} cannot be written as JSON: {error}.") from error
    if size > LARGEST_RECORD:
        raise UsageError(
            f"{what} takes {size:,} bytes; a record holds at most {LARGEST_RECORD:,}. "
            "Store the bulk as an artifact and put its digest in the figures."
        )
    return Draft(evidence.kind, evidence.subject, run, _parents(evidence, what), texts)


def _texts(evidence: Evidence, run: str) -> tuple[str, str, str, str, str]:
    return (
        f'{{"figures":{canonical(plain(evidence.figures))},"id":"',
        f'","kind":{canonical(evidence.kind)},"parents":{canonical(list(evidence.parents))},"previous":"',
        f'","run":{canonical(run)},"sequence":',
        f',"subject":{canonical(evidence.subject)},"summary":{canonical(evidence.summary)},"time":"',
        f'","verdict":"{evidence.verdict}"}}',
    )


def _parents(evidence: Evidence, what: str) -> tuple[int, ...]:
    numbers = [sequence_of(parent) for parent in evidence.parents]
    for parent, number in zip(evidence.parents, numbers, strict=True):
        if number is None:
            raise UsageError(
                f"{what} names the parent {parent!r}, which is no evidence id such as E-000042. "
                "Record the parent first and name the id that the ledger gave it."
            )
    return tuple(number for number in numbers if number is not None)


def seal(draft: Draft, *, after: Head, time: str) -> Row:
    """Make the row that follows `after`.

    Raises:
        UsageError: A parent is not in the ledger yet.
    """
    sequence = after.sequence + 1
    for parent in draft.parents:
        if not 0 < parent < sequence:
            raise UsageError(
                f"evidence {draft.kind} about {draft.subject!r} names the parent {id_of(parent)}, but this ledger ends "
                f"at {id_of(after.sequence)}. Record parents before their children, and in the same ledger."
            )
    front, middle, to_sequence, to_time, end = draft.texts
    body = f"{front}{id_of(sequence)}{middle}{after.digest}{to_sequence}{sequence}{to_time}{time}{end}"
    return Row(sequence, draft.kind, draft.subject, draft.run, time, digest_of(body), body)


def open_row(row: Row) -> Opened:
    """Read a row, after checking that its body has its digest and that the columns say what the body says.

    Raises:
        IntegrityError: The row was edited; the message says in what respect.
    """
    if not isinstance(row.body, str) or digest_of(row.body) != row.digest:
        raise IntegrityError("it was edited: its content does not have the digest that was recorded for it")
    try:
        record = orjson.loads(row.body)
        opened = _opened(record)
    except (ValueError, TypeError, KeyError, UsageError) as error:
        raise IntegrityError(f"it was replaced: its content is not a record ({error})") from error
    for column in ("kind", "subject", "run", "time"):
        if record[column] != getattr(row, column):
            raise IntegrityError(
                f"it was edited: its column {column} says {getattr(row, column)!r}, its content {record[column]!r}"
            )
    return opened


def believed(row: Row, place: str) -> Evidence:
    """The evidence in a row that was read from the ledger at `place`.

    Raises:
        IntegrityError: The row was edited; the message names the record and the ledger.
    """
    try:
        evidence = open_row(row).evidence
    except IntegrityError as error:
        raise IntegrityError(
            f"record {id_of(row.sequence)} of the ledger {place} cannot be believed: {error}. "
            "Run `assay ledger verify`."
        ) from error
    return replace(evidence, figures=_as_given(evidence.figures))


def _as_given(value: Any) -> Any:
    """Canonical JSON writes the float 3.1e16 with integer's digits; no integer that large is ever recorded."""
    if isinstance(value, dict):
        return {name: _as_given(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_given(inner) for inner in value]
    return float(value) if type(value) is int and abs(value) > LARGEST_INTEGER else value


def _opened(record: dict[str, Any]) -> Opened:
    if record.keys() != _FIELDS:
        raise ValueError(f"its fields are {sorted(record)}")
    sequence, previous = record.pop("sequence"), record.pop("previous")
    if type(sequence) is not int or record["id"] != id_of(sequence):
        raise ValueError(f"its id {record['id']!r} is not that of number {sequence!r}")
    parents = tuple(record.pop("parents"))
    if any(sequence_of(parent) is None for parent in parents):
        raise ValueError(f"its parents are {parents}")
    return Opened(Evidence(**record, parents=parents), sequence, previous)
