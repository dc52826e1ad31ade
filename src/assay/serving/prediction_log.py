"""The prediction log: every answer with its inputs and features, and every label that came back, durable and sealed.

Two series of segments under one folder, `predictions` and `labels`. Writing them is `group_commit.py`, reading them as
frames is `log_frames.py`.
"""

from __future__ import annotations

import re
from asyncio import Future
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assay.errors import NotFound
from assay.ledger.evidence import Evidence, Verdict
from assay.serving import segments
from assay.serving.group_commit import GroupCommit, Limits
from assay.serving.segments import Sealed

PREDICTIONS, LABELS = "predictions", "labels"
_ID = re.compile(r"(\d{8}T\d{6}-[0-9a-f]{8})-([0-9a-f]{1,12})", re.ASCII)


def utc_now() -> datetime:
    return datetime.now(UTC)


class PredictionLog:
    """Appends predictions and labels; one per process, any number of processes on the same folder."""

    def __init__(
        self,
        root: Path,
        *,
        strict: bool = True,
        record: Callable[[Evidence], object] | None = None,
        clock: Callable[[], datetime] = utc_now,
        limits: Limits | None = None,
    ) -> None:
        """Recover and seal what a crash left, then take records.

        Args:
            root: Folder of both series.
            strict: An answer waits until its record is on disk; labels always do.
            record: Puts a sealed segment's evidence in the ledger; None keeps no such record.
        """
        self.root = root

        def on_sealed(sealed: Sealed) -> None:
            if record is not None:
                record(segment_evidence(sealed))

        self.predictions = GroupCommit(
            root / PREDICTIONS, strict=strict, clock=clock, on_sealed=on_sealed, limits=limits
        )
        self.labels = GroupCommit(root / LABELS, strict=True, clock=clock, on_sealed=on_sealed, limits=limits)

    def append(
        self, records: Sequence[dict[str, Any]], *, columns: Mapping[str, Any], deployment: str
    ) -> Future[None] | None:
        """Log predictions; each record gets its `id`. See `GroupCommit.append`."""
        return self.predictions.append(records, columns=columns, deployment=deployment)

    def append_labels(self, labels: Sequence[tuple[str, float, datetime, datetime]]) -> Future[None] | None:
        """Log labels as (prediction id, value, time of the truth, time received); the last one received counts."""
        records = [
            {"prediction": prediction, "value": value, "time": time, "received": received}
            for prediction, value, time, received in labels
        ]
        return self.labels.append(records, columns={})

    def known(self, prediction_ids: Iterable[str]) -> set[str]:
        """Those of the ids that were logged here, by any process; what still waits in our memory is written first."""
        asked = set(prediction_ids)
        found = {one for one in asked if _find(self.root, one) is not None}
        if any(segment_of(one) == self.predictions.segment_name for one in asked - found):
            self.predictions.flush()
            found |= {one for one in asked - found if _find(self.root, one) is not None}
        return found

    def flush(self) -> None:
        """Wait until everything appended so far is on disk."""
        self.predictions.flush()
        self.labels.flush()

    def close(self) -> None:
        """Flush and seal both series."""
        self.predictions.close()
        self.labels.close()


def find(root: Path, prediction_id: str) -> dict[str, Any]:
    """The logged record of one prediction: one read at the offset that its id names.

    Raises:
        NotFound: No such prediction is in the log.
    """
    found = _find(root, prediction_id)
    if found is None:
        raise NotFound(f"no prediction {prediction_id!r} is in the log {root}.")
    return found


def segment_of(prediction_id: str) -> str:
    """Name of the segment that holds a prediction; empty where the id is of no logged prediction."""
    match = _ID.fullmatch(prediction_id)
    return match[1] if match else ""


def segment_evidence(sealed: Sealed) -> Evidence:
    """A sealed segment for the ledger: its digest, and the deployments it rests on."""
    summary = f"{sealed.series} segment {sealed.name}: {sealed.records:,} records, SHA-256 {sealed.digest[:12]}"
    if sealed.torn_bytes:
        summary += f"; {sealed.torn_bytes} bytes of an unfinished record cut off after a crash"
    if sealed.damaged_lines:
        summary += f"; {sealed.damaged_lines} damaged lines blanked, the file as found kept beside"
    figures = {
        "series": sealed.series,
        "segment": sealed.name,
        "digest": sealed.digest,
        "records": sealed.records,
        "size_bytes": sealed.size_bytes,
        "torn_bytes": sealed.torn_bytes,
        "damaged_lines": sealed.damaged_lines,
    }
    verdict: Verdict = "warn" if sealed.damaged_lines else "info"
    return Evidence(
        "serving.segment", f"segment:{sealed.series}/{sealed.name}", verdict, summary, figures, sealed.deployments
    )


def damaged_segments(root: Path, evidences: Iterable[Evidence]) -> list[str]:
    """Files of sealed segments that are gone or not as the ledger recorded them.

    Args:
        evidences: Of kind `serving.segment`; of one segment, the last counts.
    """
    recorded = {(one.figures["series"], one.figures["segment"]): one.figures["digest"] for one in evidences}
    damaged = []
    for (series, name), digest in recorded.items():
        path = root / series / f"{name}{segments.SEALED}"
        if not path.exists():
            path = path.with_suffix(segments.OPEN)  # its record was made, its renaming was not
        if not path.exists() or segments.digest_of(path) != digest:
            damaged.append(str(root / series / name))
    return damaged


def sealed_segments(root: Path) -> list[Path]:
    """Files of both series that have their final name: what is read as the log, with what is still open."""
    return sorted(path for series in (PREDICTIONS, LABELS) for path in (root / series).glob(f"*{segments.SEALED}"))


def unrecorded(paths: Iterable[Path], evidences: Iterable[Evidence]) -> list[str]:
    """Those of the sealed segments that no record names: somebody else put them there.

    Args:
        paths: As `sealed_segments` listed them, before the records were read: a segment is recorded, then renamed.
        evidences: Of kind `serving.segment`.
    """
    known = {(one.figures["series"], one.figures["segment"]) for one in evidences}
    return [str(path) for path in paths if (path.parent.name, path.stem) not in known]


def _find(root: Path, prediction_id: str) -> dict[str, Any] | None:
    match = _ID.fullmatch(prediction_id)
    if match is None:
        return None
    found = segments.read_at(root / PREDICTIONS, match[1], int(match[2], 16))
    return found if found is not None and found.get("id") == prediction_id else None
