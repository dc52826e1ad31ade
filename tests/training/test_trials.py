"""The journal keeps every finished trial, and nothing but finished trials."""

import json

import pytest

from assay.training.trials import Journal, Trial


def trial(number: int) -> Trial:
    return Trial(number, "logistic", {"C": 0.1 * (number + 1)}, 0.6, 0.01, False, {"rounds": 3})


def test_trials_come_back_as_they_were(tmp_path):
    path = tmp_path / "studies" / "one.jsonl"
    journal = Journal(path)
    for number in range(3):
        journal.add(trial(number))
    assert Journal(path).trials == [trial(0), trial(1), trial(2)]


def test_a_line_torn_by_a_kill_is_dropped_and_written_after(tmp_path):
    path = tmp_path / "one.jsonl"
    journal = Journal(path)
    for number in range(3):
        journal.add(trial(number))
    whole = path.read_bytes()
    start = whole.rstrip(b"\n").rfind(b"\n") + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        again = Journal(path)
        expected = 3 if end == len(whole) - 1 else 2  # without its last byte, the newline, the record is whole
        assert len(again.trials) == expected
        again.add(trial(expected))
        assert Journal(path).trials == [trial(number) for number in range(expected + 1)]


def test_a_trial_written_twice_counts_once(tmp_path):
    path = tmp_path / "one.jsonl"
    path.write_text("".join(json.dumps(trial(number).to_json()) + "\n" for number in (0, 0, 1, 3)))
    assert Journal(path).trials == [trial(0), trial(1)]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"garbage\n", b"\xff\xfe\n", b"[1]\n", b'{"number": 0}\n'])
def test_what_is_no_trial_is_passed_over(tmp_path, content):
    path = tmp_path / "one.jsonl"
    path.write_bytes(content)
    assert Journal(path).trials == []


def test_without_a_path_trials_live_in_memory():
    journal = Journal(None)
    journal.add(trial(0))
    assert journal.trials == [trial(0)]
