"""Segments keep whole lines through crashes and damage, and show what they lost."""

import os
from datetime import UTC, datetime
from pathlib import Path

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.serving import segments

NOW = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)


def written(folder: Path, n: int) -> segments.Segment:
    """A segment with n records that its process has left open, as after kill -9."""
    segment = segments.create(folder, now=NOW, columns={})
    for number in range(n):
        line = segments.encode({"id": f"{segment.name}-{segment.offset:x}", "n": number, "deployment": "E-000001"})
        os.write(segment.descriptor, line)
        segment.offset += len(line)
        segment.records += 1
    os.close(segment.descriptor)
    return segment


def test_a_line_is_json_and_carries_the_checksum_of_the_rest():
    line = segments.encode({"id": "a", "value": 1.5})
    assert segments.is_whole(line)
    assert orjson.loads(line)["value"] == 1.5
    assert line.startswith(b'{"crc":"')


@given(st.dictionaries(st.text(max_size=5), st.integers(-5, 5), min_size=1, max_size=4), st.data())
def test_any_altered_byte_shows(record: dict[str, int], data: st.DataObject):
    line = segments.encode({"id": "x", **record})
    position = data.draw(st.integers(0, len(line) - 1))
    altered = bytearray(line)
    altered[position] ^= data.draw(st.integers(1, 255))
    assert not segments.is_whole(bytes(altered))


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_end_is_cut_off_and_counted(tmp_path: Path, cut: int):
    segment = written(tmp_path, 3)
    size = segment.path.stat().st_size
    last = size - len(segment.path.read_bytes().splitlines(keepends=True)[-1])
    os.truncate(segment.path, size - cut)
    (found,) = segments.orphans(tmp_path)
    assert found.records == 2
    assert found.torn_bytes == size - cut - last
    assert segments.seal(found).digest == segments.digest_of(segment.path)
    final = segments.finish(found)
    assert all(map(segments.is_whole, final.read_bytes().splitlines(keepends=True)))


def test_a_damaged_line_is_blanked_and_the_others_stay_where_they_were(tmp_path: Path):
    segment = written(tmp_path, 3)
    lines = segment.path.read_bytes().splitlines(keepends=True)
    offset_of_last = sum(map(len, lines[:-1]))
    data = bytearray(segment.path.read_bytes())
    data[len(lines[0]) + 30] ^= 1
    segment.path.write_bytes(data)
    (found,) = segments.orphans(tmp_path)
    final = segments.finish(found) if segments.seal(found).damaged_lines == 1 else None
    assert final is not None
    kept = segments.read_at(tmp_path, segment.name, offset_of_last)
    assert kept is not None
    assert kept["n"] == 2
    assert pl.read_ndjson(final, schema={"n": pl.Int64}).drop_nulls()["n"].to_list() == [1, 2]
    assert final.with_suffix(".damaged").read_bytes() == bytes(data)


def test_a_segment_whose_writer_lives_is_left_alone(tmp_path: Path):
    segment = segments.create(tmp_path, now=NOW, columns={})
    assert list(segments.orphans(tmp_path)) == []
    os.close(segment.descriptor)
    assert [one.name for one in segments.orphans(tmp_path)] == [segment.name]


def test_an_empty_file_left_by_a_crash_at_birth_recovers_to_nothing(tmp_path: Path):
    (tmp_path / "20261121T103000-00000000.open").touch()
    (found,) = segments.orphans(tmp_path)
    assert (found.records, found.torn_bytes) == (0, 0)
    segments.discard(found)
    assert list(tmp_path.iterdir()) == []


def test_reading_at_a_wrong_offset_finds_nothing(tmp_path: Path):
    segment = written(tmp_path, 2)
    assert segments.read_at(tmp_path, segment.name, 3) is None
    assert segments.read_at(tmp_path, segment.name, 10**9) is None
    assert segments.read_at(tmp_path, "20000101T000000-00000000", 0) is None
