"""The log reads back as frames: every prediction once, the last label of each, open and sealed segments alike."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assay.errors import NotFound
from assay.ledger.evidence import Evidence
from assay.serving import log_frames
from assay.serving.prediction_log import PredictionLog, damaged_segments, find

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
OLD = {"inputs": {"team": "key"}, "features": {"points": "number"}}
NEW = {"inputs": {"team": "key"}, "features": {"points": "number", "league": "category", "home": "flag"}}


def record(minute: int, features: dict[str, Any], team: object = "lions") -> dict[str, Any]:
    return {
        "id": "",
        "time": START + timedelta(minutes=minute),
        "model": "win@1.0.0",
        "variant": "production",
        "source": "model",
        "value": 1,
        "probability": 0.75,
        "latency_ms": 0.5,
        "deployment": "E-000007",
        "inputs": {"team": team},
        "features": features,
    }


def open_log(root: Path, **others: Any) -> PredictionLog:
    return PredictionLog(root, clock=lambda: START, **others)


def test_logs_of_two_versions_are_one_frame_with_the_fields_of_both(tmp_path: Path):
    log = open_log(tmp_path)
    log.append([record(0, {"points": 1}), record(1, {"points": None}, team=7)], columns=OLD, deployment="E-000007")
    log.append([record(2, {"points": 2.5, "league": "east", "home": True})], columns=NEW, deployment="E-000008")
    log.flush()
    frame = log_frames.predictions(tmp_path).collect().sort("time")  # one segment sealed or being so, one open
    log.close()
    assert frame["inputs"].struct.field("team").to_list() == ["lions", "7", "lions"]
    assert frame["features"].to_list() == [
        {"points": 1.0, "league": None, "home": None},
        {"points": None, "league": None, "home": None},
        {"points": 2.5, "league": "east", "home": True},
    ]
    assert frame["time"].dtype == pl.Datetime("us", "UTC")
    assert log_frames.predictions(tmp_path).collect().sort("time").equals(frame)


def test_a_stretch_of_time_includes_its_start_and_not_its_end(tmp_path: Path):
    log = open_log(tmp_path)
    log.append([record(minute, {"points": minute}) for minute in range(5)], columns=OLD, deployment="")
    log.close()
    some = log_frames.predictions(
        tmp_path, since=START + timedelta(minutes=1), until=START + timedelta(minutes=3)
    ).collect()
    assert some["features"].struct.field("points").to_list() == [1, 2]


def test_an_empty_log_is_an_empty_frame(tmp_path: Path):
    assert log_frames.predictions(tmp_path).collect().height == 0
    assert log_frames.labels(tmp_path).collect().columns == ["prediction", "value", "time", "received"]


def test_the_last_label_received_counts_and_the_same_one_twice_changes_nothing(tmp_path: Path):
    log = open_log(tmp_path)
    one = ("p-1", 1.0, START, START + timedelta(hours=1))
    log.append_labels([one, ("p-2", 0.0, START, START + timedelta(hours=1))])
    log.append_labels([one])
    log.append_labels([("p-2", 1.0, START, START + timedelta(hours=2))])
    log.close()
    labels = log_frames.labels(tmp_path).collect().sort("prediction")
    assert labels["prediction"].to_list() == ["p-1", "p-2"]
    assert labels["value"].to_list() == [1.0, 1.0]


def test_a_prediction_is_found_by_its_id_while_open_and_when_sealed(tmp_path: Path):
    log = open_log(tmp_path)
    records = [record(0, {"points": 1}), record(1, {"points": 2})]
    log.append(records, columns=OLD, deployment="")
    log.flush()
    for _ in ("open", "sealed"):
        assert find(tmp_path, records[1]["id"])["features"] == {"points": 2}
        log.close()
    for unknown in (records[1]["id"] + "0", "unlogged-00", "../../etc/passwd", ""):
        with pytest.raises(NotFound, match="is in the log"):
            find(tmp_path, unknown)


def test_an_altered_segment_is_named(tmp_path: Path):
    evidences: list[Evidence] = []
    log = open_log(tmp_path, record=evidences.append)
    log.append([record(0, {"points": 1})], columns=OLD, deployment="E-000007")
    log.append_labels([("p-1", 1.0, START, START)])
    log.close()
    assert damaged_segments(tmp_path, evidences) == []
    assert {one.parents for one in evidences} == {("E-000007",), ()}
    (path,) = (tmp_path / "predictions").iterdir()
    path.chmod(0o640)
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    assert damaged_segments(tmp_path, evidences) == [str(path.with_suffix(""))]
