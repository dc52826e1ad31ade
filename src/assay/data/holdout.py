"""The sealed holdout: cut off before anything looks, and read only through the function that records each opening.

Where to cut is `splits`; what the rows are examined for is the release pipeline's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from assay.data import addressed
from assay.errors import IntegrityError, NotFound
from assay.ledger.evidence import Evidence, Verdict

SUFFIX = ".sealed"  # not .parquet: no glob over data files picks it up by accident
WHAT = "sealed holdout"
KIND = "data.holdout_opened"
LEVEL = 0.95  # nominal coverage of an interval on rows that are seen once
SAME_ROWS = 0.5  # share of the rows seen before from which an opening repeats an earlier one


@dataclass(frozen=True, slots=True)
class Sealed:
    """A closed holdout: what may be known of it without opening it.

    Attributes:
        digest: SHA-256 of the sealed file's bytes.
        n: Rows in it.
    """

    digest: str
    n: int

    @property
    def subject(self) -> str:
        """How the ledger counts its openings."""
        return subject_of(self.digest)


def subject_of(digest: str) -> str:
    """The subject of a holdout's openings, from its digest."""
    return f"holdout:{digest[:16]}"


@dataclass(frozen=True, slots=True)
class Openings:
    """How often holdouts were opened, this time included.

    Attributes:
        decision: Openings of these rows, or of another holdout that held at least half of them.
        model: Openings to examine this model, whatever the rows.
        project: All openings.
    """

    decision: int = 1
    model: int = 1
    project: int = 1

    @property
    def level(self) -> float:
        """Coverage that each interval on these rows needs, so that those of all openings keep 95 % together."""
        return level_of(self.decision)


def level_of(openings: int) -> float:
    """Bonferroni's share of the 5 %: the nominal coverage of each of `openings` intervals on the same rows."""
    return 1 - (1 - LEVEL) / openings


def count_openings(sealed: Sealed, root: Path, earlier: Iterable[Evidence], *, key: str, model: str) -> Openings:
    """Count the opening that is about to be made among the earlier ones.

    Of the rows only the keys are read. A holdout that moved on by a day, or lost a row, holds the same rows for the
    most part, and a second look at those is a second look.

    Args:
        sealed: The holdout that is to be opened.
        root: The folder that `seal` was given.
        earlier: The records of earlier openings, of kind `data.holdout_opened`.
        key: Column that names a row.
        model: Which model is to be examined.

    Raises:
        NotFound, IntegrityError: Of the holdout that is to be opened, as `open_sealed`.
    """
    records = list(earlier)
    digests = {str(one.figures["digest"]) for one in records}
    repeats = {digest for digest in digests if _share_seen(sealed, digest, root, key=key) >= SAME_ROWS}
    return Openings(
        decision=1 + sum(one.figures["digest"] in repeats for one in records),
        model=1 + sum(one.figures.get("model") == model for one in records),
        project=1 + len(records),
    )


def seal(rows: pl.DataFrame, root: Path) -> Sealed:
    """Close `rows` into a file under `root/sealed`; sealing the same rows again is the same seal."""
    digest, _ = addressed.store(rows.lazy(), root / "sealed", suffix=SUFFIX, what="holdout")
    return Sealed(digest, rows.height)


def open_sealed(
    sealed: Sealed | str,
    root: Path,
    *,
    record: Callable[[Evidence], Evidence],
    reason: str,
    openings: Openings,
    model: str = "",
    subject: str | None = None,
) -> pl.DataFrame:
    """Break the seal: the opening is on record before the first row is returned.

    Args:
        sealed: The holdout, or its digest.
        root: The folder that `seal` was given.
        record: Writes the evidence durably; where it raises, no row is returned.
        reason: Why the holdout must be read now, for the record.
        openings: How often it was opened, this time included. From the second opening for the same decision on the
            verdict is `warn`, and `interval_level` in the figures is the level at which intervals on these rows must
            be made for all openings together to keep 95 % coverage (Bonferroni's correction).
        model: Which model is to be examined; later openings are counted by it.
        subject: Under which the opening is counted; the holdout itself by default.

    Raises:
        NotFound: There is no such holdout.
        IntegrityError: The file was changed since it was sealed; nothing was read, so nothing is recorded.
    """
    digest = sealed if isinstance(sealed, str) else sealed.digest
    path = addressed.verified(digest, root / "sealed", suffix=SUFFIX, what=WHAT)
    rows = pl.read_parquet(path)
    figures = {"digest": digest, "n": rows.height, "reason": reason, "model": model}
    record(_opening(figures, openings, subject=subject or subject_of(digest)))
    return rows


def check(digest: str, root: Path) -> None:
    """Prove the bytes of a sealed holdout without opening it.

    Raises:
        NotFound: There is no such holdout.
        IntegrityError: The file was changed since it was sealed.
    """
    addressed.verified(digest, root / "sealed", suffix=SUFFIX, what=WHAT)


def verify(root: Path) -> list[str]:
    """Names of the sealed files under `root` whose bytes were changed; empty where all is well."""
    return [str(path) for path in addressed.damaged(root / "sealed", suffix=SUFFIX)]


def _share_seen(sealed: Sealed, digest: str, root: Path, *, key: str) -> float:
    """Share of the sealed rows that another holdout held too; 0 where its file is gone, damaged or of other keys."""
    if digest == sealed.digest:
        return 1.0
    own_path = addressed.verified(sealed.digest, root / "sealed", suffix=SUFFIX, what=WHAT)
    try:
        path = addressed.verified(digest, root / "sealed", suffix=SUFFIX, what=WHAT)
    except (NotFound, IntegrityError):
        return 0.0
    own, other = pl.scan_parquet(own_path), pl.scan_parquet(path)
    if key not in other.collect_schema() or own.collect_schema()[key] != other.collect_schema()[key]:
        return 0.0
    n_seen = own.select(key).join(other.select(key), on=key, how="semi").select(pl.len()).collect().item()
    return float(n_seen / max(1, sealed.n))


def _opening(figures: dict[str, Any], openings: Openings, *, subject: str) -> Evidence:
    verdict: Verdict = "warn" if openings.decision > 1 else "info"
    summary = f"sealed holdout of {figures['n']:,} rows opened: {figures['reason']}"
    if openings.decision > 1:
        summary += (
            f"; opening {openings.decision} of these rows, so intervals need level {openings.level:.4f} to keep "
            f"{LEVEL:.0%} together"
        )
    counts = {"opening": openings.decision, "of_model": openings.model, "of_project": openings.project}
    return Evidence(KIND, subject, verdict, summary, {**figures, **counts, "interval_level": openings.level})
