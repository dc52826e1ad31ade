"""Verification: is every record the one that was written, in its place, with none missing and none added?

Walks the chain a few records at a time, beside the edges of lineage. Where it does not hold, the record that follows is
asked too, because a record that was rewritten with a fitting digest is given away only by its neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from assay.errors import IntegrityError
from assay.ledger.backend import READ_CHAIN, READ_EDGES, READ_HEAD, Session
from assay.ledger.chain import EMPTY, GENESIS, Head, Opened, Row, id_of, open_row, sequence_of


@dataclass(frozen=True, slots=True)
class Broken:
    """The first record that cannot be believed.

    Attributes:
        sequence: Its number; 0 where the damage is to no one record.
        id: Its id; empty where the damage is to no one record.
        reason: What is wrong with it, as the rest of a sentence about it.
    """

    sequence: int
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of a walk along the chain.

    Attributes:
        ok: Whether every record holds, as do the head and the anchor.
        n_records: How many records hold, up to the first that does not.
        head_digest: Digest of the last of those.
        broken: The first that does not hold; None where all do.
        anchored: Whether a file beside the database vouched for its end.
    """

    ok: bool
    n_records: int
    head_digest: str
    broken: Broken | None = None
    anchored: bool = False

    def but(self, broken: Broken) -> Verification:
        """The same, with something found wrong after all."""
        return replace(self, ok=False, broken=broken)


class _Found(Exception):
    """How the walk stops; caught where it began."""

    def __init__(self, sequence: int, reason: str) -> None:
        self.broken = Broken(sequence, id_of(sequence) if sequence > 0 else "", reason)


def verify_chain(session: Session, *, anchor: Head | None = None, witness: Head | None = None) -> Verification:
    """Walk every record of one view of the ledger.

    Args:
        anchor: The head that the file beside the database remembers; read before the view was opened.
        witness: A head that a person wrote down elsewhere.
    """
    walk = _Walk(session, {head.sequence: (head.digest, what) for head, what in _known(anchor, witness)})
    try:
        walk.whole()
    except _Found as found:
        return Verification(False, walk.last.sequence, walk.last.digest, found.broken, anchor is not None)
    return Verification(True, walk.last.sequence, walk.last.digest, None, anchor is not None)


def _known(anchor: Head | None, witness: Head | None) -> Iterator[tuple[Head, str]]:
    if anchor is not None:
        yield anchor, "the anchor file"
    if witness is not None:
        yield witness, "the witness"


class _Walk:
    """Where the walk stands: the last record that held, and the digest of the one before it."""

    def __init__(self, session: Session, known: dict[int, tuple[str, str]]) -> None:
        self._session = session
        self._known = known
        self._edges = _Edges(session)
        self.last = EMPTY
        self._before_last = GENESIS

    def whole(self) -> None:
        """Raise `_Found` at the first record that does not hold."""
        try:
            self._head = self._read_head()
            rows = map(Row._make, self._session.rows(READ_CHAIN, stream=True))
            row = next(rows, None)
            while row is not None:
                following = next(rows, None)
                self._step(row, following)
                row = following
            self._end()
        except IntegrityError as error:  # the database itself fails while it is read
            raise _Found(self.last.sequence + 1, f"cannot be read: {error}") from error

    def _read_head(self) -> Head:
        heads = list(self._session.rows(READ_HEAD))
        if len(heads) != 1:
            raise _Found(0, f"the database has {len(heads)} heads instead of one")
        return Head(*heads[0])

    def _step(self, row: Row, following: Row | None) -> None:
        expected = self.last.sequence + 1
        if row.sequence < expected:
            raise _Found(row.sequence, "was inserted: numbers begin at 1")
        if row.sequence > expected:
            raise _Found(expected, f"was removed: {id_of(row.sequence)} follows {id_of(expected - 1)}")
        if row.sequence > self._head.sequence:
            raise _Found(row.sequence, f"stands after the head {id_of(self._head.sequence)}: it was inserted")
        opened = _open(row)
        if opened.sequence != row.sequence:
            raise self._misplaced(row, opened)
        if opened.previous != self.last.digest:
            raise self._unlinked(row, opened, following)
        self._edges.check(row.sequence, opened)
        self._check_known(row)
        self._before_last, self.last = self.last.digest, Head(row.sequence, row.digest)

    def _misplaced(self, row: Row, opened: Opened) -> _Found:
        held = id_of(opened.sequence)
        if opened.sequence == self.last.sequence and opened.previous == self._before_last:
            return _Found(opened.sequence, f"was inserted: the {held} that was recorded stands one place further on")
        return _Found(
            row.sequence, f"is not in its place, {held} stands there: it was removed, or the order was changed"
        )

    def _unlinked(self, row: Row, opened: Opened, following: Row | None) -> _Found:
        """Either this record or the one before it was rewritten; the one that follows vouches for this one or not."""
        if self.last.sequence > 0 and self._is_vouched_for(row, following):
            return _Found(
                self.last.sequence,
                f"was replaced: {id_of(row.sequence)} was sealed onto another digest, {opened.previous[:12]}…",
            )
        return _Found(
            row.sequence, f"was replaced: it is not sealed onto the record before it, {self.last.digest[:12]}…"
        )

    def _is_vouched_for(self, row: Row, following: Row | None) -> bool:
        if following is None:
            return self._head == Head(row.sequence, row.digest)
        try:
            return open_row(following).previous == row.digest
        except IntegrityError:
            return False

    def _check_known(self, row: Row) -> None:
        digest, what = self._known.get(row.sequence, (row.digest, ""))
        if digest != row.digest:
            raise _Found(row.sequence, f"is not the one that {what} has seen, {digest[:12]}…: the chain was rewritten")

    def _end(self) -> None:
        last = self.last
        if last.sequence < self._head.sequence:
            raise _Found(last.sequence + 1, f"was removed: the head is {id_of(self._head.sequence)}")
        if last.digest != self._head.digest:
            raise _Found(last.sequence, f"was replaced: the head was sealed with digest {self._head.digest[:12]}…")
        for sequence, (_, what) in sorted(self._known.items()):
            if sequence > last.sequence:
                raise _Found(last.sequence + 1, f"was removed: {what} has seen the ledger end at {id_of(sequence)}")
        self._edges.end()


class _Edges:
    """The table of lineage edges, read beside the records that it must agree with."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: Iterator[tuple[int, ...]] | None = None
        self._next: tuple[int, ...] | None = None

    def check(self, sequence: int, opened: Opened) -> None:
        """The edges of record `sequence` must be the parents that it names, in their order."""
        if self._rows is None:
            self._rows = self._session.rows(READ_EDGES, stream=True)
            self._next = next(self._rows, None)
        stored: list[int] = []
        while self._next is not None and self._next[0] <= sequence:
            stored.append(self._next[1] if self._next[0] == sequence else 0)
            self._next = next(self._rows, None)
        if stored != [sequence_of(parent) for parent in opened.evidence.parents]:
            raise _Found(sequence, "has edges in the table of lineage that are not the parents it names")

    def end(self) -> None:
        """No edge may be left over."""
        if self._next is not None:
            raise _Found(self._next[0], "has edges in the table of lineage, but was never recorded")


def _open(row: Row) -> Opened:
    try:
        return open_row(row)
    except IntegrityError as error:
        raise _Found(row.sequence, str(error)) from error
