"""The sealed holdout: no row without a record, and no damage unnoticed."""

from __future__ import annotations

import polars as pl
import pytest

from assay.data import holdout
from assay.errors import IntegrityError, NotFound

ROWS = pl.DataFrame({"id": [1, 2, 3], "y": [0, 1, 0]})


def test_an_opening_is_on_record_before_a_row_is_returned(tmp_path):
    records = []
    sealed = holdout.seal(ROWS, tmp_path)
    rows = holdout.open_sealed(
        sealed, tmp_path, record=lambda one: records.append(one) or one, reason="exam", previous=0
    )
    assert rows.equals(ROWS)
    assert (records[0].kind, records[0].subject, records[0].verdict) == ("data.holdout_opened", sealed.subject, "info")
    assert records[0].figures == {
        "digest": sealed.digest,
        "n": 3,
        "reason": "exam",
        "opening": 1,
        "interval_level": 0.95,
    }


def test_where_the_record_fails_no_row_is_returned(tmp_path):
    def refuse(_):
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        holdout.open_sealed(holdout.seal(ROWS, tmp_path), tmp_path, record=refuse, reason="exam", previous=0)


def test_a_second_opening_warns_and_widens_intervals(tmp_path):
    records = []
    sealed = holdout.seal(ROWS, tmp_path)
    holdout.open_sealed(
        sealed.digest,
        tmp_path,
        record=lambda one: records.append(one) or one,
        reason="again",
        previous=1,
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
        holdout.open_sealed(sealed, tmp_path, record=lambda one: records.append(one) or one, reason="exam", previous=0)
    assert records == []
    assert holdout.verify(tmp_path) == [str(path)]


def test_sealing_twice_is_one_seal_and_a_stranger_is_not_found(tmp_path):
    assert holdout.seal(ROWS, tmp_path) == holdout.seal(ROWS, tmp_path)
    assert [path.suffix for path in (tmp_path / "sealed").iterdir()] == [".sealed"]
    with pytest.raises(NotFound):
        holdout.open_sealed("f" * 64, tmp_path, record=lambda one: one, reason="exam", previous=0)
