"""The sealed holdout: no row without a record, and no damage unnoticed."""

from __future__ import annotations

import polars as pl
import pytest

from assay.data import holdout
from assay.data.holdout import Openings
from assay.errors import IntegrityError, NotFound

ROWS = pl.DataFrame({"id": [1, 2, 3], "y": [0, 1, 0]})


def test_an_opening_is_on_record_before_a_row_is_returned(tmp_path):
    records = []
    sealed = holdout.seal(ROWS, tmp_path)
    rows = holdout.open_sealed(
        sealed, tmp_path, record=lambda one: records.append(one) or one, reason="exam", openings=Openings()
    )
    assert rows.equals(ROWS)
    assert (records[0].kind, records[0].subject, records[0].verdict) == ("data.holdout_opened", sealed.subject, "info")
    assert records[0].figures == {
        "digest": sealed.digest,
        "n": 3,
        "reason": "exam",
        "model": "",
        "opening": 1,
        "of_model": 1,
        "of_project": 1,
        "interval_level": pytest.approx(0.95),
    }


def test_where_the_record_fails_no_row_is_returned(tmp_path):
    def refuse(_):
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        holdout.open_sealed(holdout.seal(ROWS, tmp_path), tmp_path, record=refuse, reason="exam", openings=Openings())


def test_a_second_opening_warns_and_widens_intervals(tmp_path):
    records = []
    sealed = holdout.seal(ROWS, tmp_path)
    holdout.open_sealed(
        sealed.digest,
        tmp_path,
        record=lambda one: records.append(one) or one,
        reason="again",
        openings=Openings(decision=2),
        subject="model:m@1",
    )
    assert (records[0].verdict, records[0].subject) == ("warn", "model:m@1")
    assert records[0].figures["interval_level"] == pytest.approx(0.975)  # 1 - 0.05 / 2


def test_damage_is_noticed_and_is_no_opening(tmp_path):
    records = []
    sealed = holdout.seal(ROWS, tmp_path)
    path = tmp_path / "sealed" / f"{sealed.digest}.sealed"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-9] + b"tampered!")
    with pytest.raises(IntegrityError, match=path.name):
        holdout.open_sealed(
            sealed, tmp_path, record=lambda one: records.append(one) or one, reason="exam", openings=Openings()
        )
    assert records == []
    assert holdout.verify(tmp_path) == [str(path)]


def test_sealing_twice_is_one_seal_and_a_stranger_is_not_found(tmp_path):
    assert holdout.seal(ROWS, tmp_path) == holdout.seal(ROWS, tmp_path)
    assert [path.suffix for path in (tmp_path / "sealed").iterdir()] == [".sealed"]
    with pytest.raises(NotFound):
        holdout.open_sealed("f" * 64, tmp_path, record=lambda one: one, reason="exam", openings=Openings())


def opened(sealed, tmp_path, records, *, model: str = "bundle:a"):
    """Open a holdout as the release pipeline does; gives the record."""
    counted = holdout.count_openings(sealed, tmp_path, records, key="id", model=model)

    def record(evidence):
        records.append(evidence)
        return evidence

    holdout.open_sealed(sealed, tmp_path, record=record, reason="exam", openings=counted, model=model)
    return records[-1]


def numbered(first: int, last: int) -> pl.DataFrame:
    return pl.DataFrame({"id": range(first, last), "y": [0] * (last - first)})


def test_a_holdout_that_moved_on_a_little_is_the_same_decision_and_one_of_other_rows_is_not(tmp_path):
    records = []
    seals = [holdout.seal(numbered(*span), tmp_path) for span in ((0, 100), (10, 110), (60, 160), (500, 600))]
    found = [opened(sealed, tmp_path, records) for sealed in seals]
    # 10..109 holds 90 of 100 seen rows; 60..159 holds 50 of the second and 40 of the first; the last holds none
    assert [one.figures["opening"] for one in found] == [1, 2, 2, 1]
    assert [one.verdict for one in found] == ["info", "warn", "warn", "info"]
    assert "opening 2 of these rows, so intervals need level 0.9750" in found[1].summary


def test_openings_are_counted_for_the_rows_the_model_and_the_project(tmp_path):
    records = []
    one, other = holdout.seal(numbered(0, 10), tmp_path), holdout.seal(numbered(50, 60), tmp_path)
    opened(one, tmp_path, records)
    opened(other, tmp_path, records)
    last = opened(one, tmp_path, records, model="bundle:b")
    assert [last.figures[name] for name in ("opening", "of_model", "of_project")] == [2, 1, 3]


def test_an_earlier_holdout_that_is_gone_or_damaged_does_not_stop_an_opening(tmp_path):
    records = []
    gone, damaged, now = (holdout.seal(numbered(first, first + 10), tmp_path) for first in (0, 1, 2))
    opened(gone, tmp_path, records)
    opened(damaged, tmp_path, records)
    (tmp_path / "sealed" / f"{gone.digest}.sealed").unlink()
    path = tmp_path / "sealed" / f"{damaged.digest}.sealed"
    path.chmod(0o644)
    path.write_bytes(b"nothing")
    assert opened(now, tmp_path, records).figures["opening"] == 1
