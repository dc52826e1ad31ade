"""Folders for files under way: gone after the work, and after an accident a week later."""

import os
import time

import pytest

from assay.features.exchange import ABANDONED_SECONDS, folder_in


def fail_in(exchange):
    with folder_in(exchange) as folder:
        (folder / "piece").touch()
        raise ZeroDivisionError


def test_a_folder_is_gone_after_the_work_even_where_it_failed(tmp_path):
    with folder_in(tmp_path / "exchange") as folder:
        (folder / "piece").touch()
    with pytest.raises(ZeroDivisionError):
        fail_in(tmp_path / "exchange")
    assert not folder.exists()
    assert not list((tmp_path / "exchange").iterdir())


def test_what_a_killed_build_left_is_removed_when_it_is_old(tmp_path):
    for name, age in {"old": ABANDONED_SECONDS + 60, "young": 60}.items():
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    with folder_in(tmp_path):
        pass
    assert [left.name for left in tmp_path.iterdir()] == ["young"]
