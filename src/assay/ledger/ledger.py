"""The ledger: evidence is recorded once, in order, for good, and found again by kind, subject, run, time and descent.

Knows nothing of what evidence means. Each record is sealed by `chain.py`; databases are behind `backend.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from assay.errors import IntegrityError, NotFound, UsageError
from assay.ledger import backend as sql
from assay.ledger.anchor import Anchor
from assay.ledger.backend import Backend, Session
from assay.ledger.chain import Draft, Head, Row, believed, draft, id_of, seal, sequence_of
from assay.ledger.evidence import Evidence
from assay.ledger.export import write_export
from assay.ledger.filesystem import MOUNTS, refuse_network
from assay.ledger.lineage import Lineage, walk
from assay.ledger.sqlite import SqliteBackend
from assay.ledger.verification import Broken, Verification, verify_chain

LARGEST_BATCH = 10_000  # records of one transaction: while it lasts, nobody else writes
MOST_RELATIVES = 10_000  # records of one lineage


def utc_now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


class Ledger:
    """An append-only, hash-chained store of evidence; safe for many processes and threads at once.

    Made by `open_ledger`. `anchor` is None where no file beside the database remembers its head.
    """

    def __init__(self, backend: Backend, anchor: Anchor | None, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._backend = backend
        self._anchor = anchor
        self._clock = clock

    @property
    def place(self) -> str:
        """Where it is stored, for messages; never with a password."""
        return self._backend.place

    def record(self, evidence: Evidence, *, run: str = "") -> Evidence:
        """Append one piece of evidence; when this returns, it is on disk.

        Returns:
            The evidence as it will be read back, with its id, time and run (`run`, or else the evidence's own).

        Raises:
            UsageError: The evidence cannot be stored (see `chain.draft`), or names a parent that is not here.
            IntegrityError: The ledger ends before what was once written to it.
        """
        return self.record_all([evidence], run=run)[0]

    def record_all(self, evidences: Iterable[Evidence], *, run: str = "") -> list[Evidence]:
        """Append several in one transaction: all of them or none, with no other record between them.

        Raises:
            UsageError: As for `record`, or more than 10,000 at once.
        """
        drafts = [draft(evidence, run=run or evidence.run) for evidence in evidences]
        if len(drafts) > LARGEST_BATCH:
            raise UsageError(
                f"{len(drafts):,} records at once; one transaction takes {LARGEST_BATCH:,}. Record them in parts."
            )
        if not drafts:
            return []
        with self._turn():
            with self._backend.writing() as session:
                head = self._trusted_head(session)
                rows = _append(session, drafts, after=head, clock=self._clock)
            self._note(rows[-1])
        return [believed(row, self.place) for row in rows]

    def get(self, evidence_id: str) -> Evidence:
        """The record with that id.

        Raises:
            NotFound: There is none.
            IntegrityError: There is, but it was edited.
        """
        sequence = sequence_of(evidence_id)
        found = self._select("WHERE sequence = :sequence", {"sequence": sequence}) if sequence else []
        if not found:
            raise NotFound(
                f"the ledger {self.place} has no evidence {evidence_id!r}. `assay ledger log` lists what is."
            )
        return found[0]

    def find(
        self,
        *,
        kind: str | None = None,
        subject: str | None = None,
        run: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Evidence]:
        """Every record that matches all of what is given, in the order of recording.

        Args:
            kind: The whole kind, or a beginning with `.*` after it: `leakage.*`.
            since: Recorded at this aware time or later.
            until: Recorded at this aware time or earlier.

        Raises:
            UsageError: A time is without its zone, or the limit is below 1.
            IntegrityError: A record that matches was edited.
        """
        conditions, values = _conditions(kind, subject, run, since, until)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        order = f"ORDER BY sequence {'DESC' if newest_first else 'ASC'}"
        if limit is None:
            return self._select(f"{where} {order}", values)
        if limit < 1:
            raise UsageError(f"a limit of {limit} records: ask for 1 or more.")
        return self._select(f"{where} {order} LIMIT :limit", {**values, "limit": limit})

    def latest(self, kind: str, subject: str | None = None) -> Evidence | None:
        """The newest record of a kind, about a subject where one is given; None where there is none."""
        found = self.find(kind=kind, subject=subject, limit=1, newest_first=True)
        return found[0] if found else None

    def next_number(self, series: str) -> int:
        """Count a series up by one, from 1; no two callers ever get the same number. Counters are not in the chain."""
        with self._turn(), self._backend.writing() as session:
            ((value,),) = session.rows(sql.NEXT_NUMBER, {"series": series})
        return int(value)

    def head(self) -> Head:
        """The end of the chain; some microseconds, so that it can be polled for news.

        Raises:
            IntegrityError: The head was removed.
        """
        with self._backend.reading() as session:
            return _head(session, self.place)

    def verify(self, *, witness: Head | None = None) -> Verification:
        """Walk the whole chain, a few records at a time, and name the first that is not as it was recorded.

        Args:
            witness: A head that was written down elsewhere (a printed card, an export); the chain must pass through it.
        """
        anchor = self._anchor.read() if self._anchor else None  # before the walk: never ahead of what it will see
        with self._backend.reading() as session:
            verification = verify_chain(session, anchor=anchor, witness=witness)
        if not verification.ok:
            return verification
        damage = self._backend.damage()
        return verification.but(Broken(0, "", f"the database is damaged: {damage}")) if damage else verification

    def lineage(
        self, evidence_id: str, *, direction: Literal["back", "forward"] = "back", limit: int = MOST_RELATIVES
    ) -> Lineage:
        """What a record was made from, or what was made from it, over any number of steps.

        Raises:
            NotFound: There is no such record.
            UsageError: The direction is neither.
        """
        origin = sequence_of(self.get(evidence_id).id)
        with self._backend.reading() as session:
            return walk(session, origin or 0, direction=direction, limit=limit)

    def export(self, path: Path) -> int:
        """Write the whole ledger as JSON lines for `docs/verify_export.py`; returns the number of records."""
        with self._backend.reading() as session:
            return write_export(session, path, head=_head(session, self.place))

    def close(self) -> None:
        """Give up connections and files. Closing twice is allowed."""
        self._backend.close()
        if self._anchor:
            self._anchor.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _turn(self) -> AbstractContextManager[None]:
        return self._anchor.held() if self._anchor and not self._backend.orders_writers else nullcontext()

    def _note(self, last: Row) -> None:
        if self._anchor:
            with self._anchor.held() if self._backend.orders_writers else nullcontext():
                self._anchor.note(Head(last.sequence, last.digest))

    def _trusted_head(self, session: Session) -> Head:
        """The head to append to, unless the anchor has seen a later one: appending would hide the loss."""
        head = _head(session, self.place)
        anchor = self._anchor.read() if self._anchor else None
        if anchor is not None and (
            anchor.sequence > head.sequence or (anchor.sequence == head.sequence and anchor.digest != head.digest)
        ):
            raise IntegrityError(
                f"the ledger {self.place} ends at {id_of(head.sequence)}, but {self._anchor_path()} has seen it end at "
                f"{id_of(anchor.sequence)} with digest {anchor.digest[:12]}…: records were lost or rewritten. Run "
                f"`assay ledger verify`. If you restored a backup on purpose, remove {self._anchor_path()} and go on."
            )
        return head

    def _anchor_path(self) -> str:
        return str(self._anchor.path) if self._anchor else ""

    def _select(self, rest: str, values: dict[str, Any]) -> list[Evidence]:
        with self._backend.reading() as session:
            return [believed(Row(*row), self.place) for row in session.rows(f"{sql.READ_RECORDS} {rest}", values)]


def open_ledger(
    url: str | Path,
    *,
    clock: Callable[[], datetime] = utc_now,
    read_only: bool = False,
    anchor: Path | None = None,
    mounts: Path = MOUNTS,
) -> Ledger:
    """Open the ledger at `url`, and make it where it does not exist yet.

    Args:
        url: Path of an SQLite file (`sqlite:///path` is understood too), or `postgresql://user:password@host/database`.
        clock: Gives each record its time; must be aware.
        read_only: Change nothing, and refuse to record. The ledger must exist.
        anchor: File that remembers the head. Default: beside an SQLite file, `.head` added to its name; none for
            PostgreSQL.
        mounts: The kernel's list of file systems; another file in tests.

    Raises:
        UsageError: The URL is of no known kind, or the file would lie on a network file system.
        NotFound: Read-only, and there is no ledger.
        ServiceUnreachable: The server does not answer, or refuses the name or the password.
        IntegrityError: The file is not a ledger.
    """
    text = str(url)
    if text.startswith(("postgresql:", "postgresql+psycopg:", "postgres:")):
        from assay.ledger.postgres import PostgresBackend  # SQLAlchemy takes 0.2 s to import

        return Ledger(PostgresBackend(text, read_only=read_only), Anchor(anchor) if anchor else None, clock=clock)
    path = _sqlite_path(text)
    refuse_network(path, mounts)
    beside = Anchor(anchor or path.with_name(path.name + ".head"))
    backend = SqliteBackend(path, read_only=read_only)
    if not read_only:
        with beside.held():  # one process at a time makes the tables
            backend.create()
    return Ledger(backend, beside, clock=clock)


def _sqlite_path(text: str) -> Path:
    if "://" in text and not text.startswith("sqlite:///"):
        scheme = text.partition("://")[0]
        raise UsageError(f"no ledger can be kept at {scheme}://…: give a path for SQLite, or a postgresql:// URL.")
    path = Path(text.removeprefix("sqlite:///")).absolute()
    if path.is_dir():
        raise UsageError(f"the ledger {path} is a folder: give a file in it, such as {path / 'ledger.db'}.")
    return path


def _head(session: Session, place: str) -> Head:
    found = list(session.rows(sql.READ_HEAD))
    if len(found) != 1:
        raise IntegrityError(f"the ledger {place} has {len(found)} heads instead of one. Run `assay ledger verify`.")
    return Head(*found[0])


def _append(session: Session, drafts: Sequence[Draft], *, after: Head, clock: Callable[[], datetime]) -> list[Row]:
    rows: list[Row] = []
    for one in drafts:
        row = seal(one, after=after, time=_stamp(clock()))
        after = Head(row.sequence, row.digest)
        rows.append(row)
    session.write(sql.ADD_RECORD, [row._asdict() for row in rows])
    edges = [
        {"child": row.sequence, "position": position, "parent": parent}
        for row, one in zip(rows, drafts, strict=True)
        for position, parent in enumerate(one.parents)
    ]
    if edges:
        session.write(sql.ADD_EDGE, edges)
    session.write(sql.MOVE_HEAD, [{"sequence": after.sequence, "digest": after.digest}])
    return rows


def _conditions(
    kind: str | None, subject: str | None, run: str | None, since: datetime | None, until: datetime | None
) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if kind is not None and kind.endswith(".*"):
        conditions.append("kind >= :kind_from AND kind < :kind_to")
        values |= {"kind_from": kind[:-1], "kind_to": kind[:-2] + "/"}  # "/" follows "." in ASCII
    elif kind is not None:
        conditions.append("kind = :kind")
        values["kind"] = kind
    for name, text in (("subject", subject), ("run", run)):
        if text is not None:
            conditions.append(f"{name} = :{name}")
            values[name] = text
    for name, comparison, moment in (("since", ">=", since), ("until", "<=", until)):
        if moment is not None:
            conditions.append(f"time {comparison} :{name}")
            values[name] = _stamp(moment)
    return conditions, values


def _stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: one width, so that text order is time order."""
    if moment.tzinfo is None:
        raise UsageError(f"the time {moment.isoformat()} has no zone: give an aware one, such as datetime.now(UTC).")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
