"""The sealed holdout: cut off before anything looks, and read only through the function that records each opening.

Where to cut is `splits`; what the rows are examined for is the release pipeline's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from assay.data import addressed
from assay.ledger.evidence import Evidence, Verdict

SUFFIX = ".sealed"  # not .parquet: no glob over data files picks it up by accident
WHAT = "sealed holdout"
LEVEL = 0.95  # nominal coverage of an interval on rows that are seen once


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
    previous: int,
    subject: str | None = None,
) -> pl.DataFrame:
    """Break the seal: the opening is on record before the first row is returned.

    Args:
        sealed: The holdout, or its digest.
        root: The folder that `seal` was given.
        record: Writes the evidence durably; where it raises, no row is returned.
        reason: Why the holdout must be read now, for the record.
        previous: How often it was opened before for the same decision. From the second opening on the verdict is
            `warn`, and `interval_level` in the figures is the level at which intervals on these rows must be made for
            all openings together to keep 95 % coverage (Bonferroni's correction).
        subject: Under which the opening is counted; the holdout itself by default.

    Raises:
        NotFound: There is no such holdout.
        IntegrityError: The file was changed since it was sealed; nothing was read, so nothing is recorded.
    """
    digest = sealed if isinstance(sealed, str) else sealed.digest
    path = addressed.verified(digest, root / "sealed", suffix=SUFFIX, what=WHAT)
    rows = pl.read_parquet(path)
    record(_opening(digest, rows.height, reason=reason, previous=previous, subject=subject or subject_of(digest)))
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


def _opening(digest: str, n: int, *, reason: str, previous: int, subject: str) -> Evidence:
    number = previous + 1
    verdict: Verdict = "warn" if previous else "info"
    summary = f"sealed holdout of {n:,} rows opened: {reason}"
    level = 1 - (1 - LEVEL) / number
    if previous:
        summary += f"; opening {number}, so intervals need level {level:.4f} to keep {LEVEL:.0%} together"
    figures = {"digest": digest, "n": n, "reason": reason, "opening": number, "interval_level": level}
    return Evidence("data.holdout_opened", subject, verdict, summary, figures)
