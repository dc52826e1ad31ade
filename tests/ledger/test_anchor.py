"""The anchor: turns of writers, and what it remembers."""

import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from assay.errors import AssayError
from assay.ledger.anchor import Anchor
from assay.ledger.chain import GENESIS, Head

HEAD = Head(42, "ab" * 32)


@pytest.fixture
def anchor(tmp_path: Path):
    anchor = Anchor(tmp_path / "ledger.head", wait_seconds=0.2)
    yield anchor
    anchor.close()


def test_it_remembers_the_head_in_one_readable_line(anchor: Anchor):
    with anchor.held():
        anchor.note(Head(1, GENESIS))
        anchor.note(HEAD)
    assert anchor.read() == HEAD
    assert anchor.path.read_text() == "00000000000000000042 " + "ab" * 32 + "\n"


@pytest.mark.parametrize("text", ["", "x", "12 ab", "00000000000000000042 " + "ab" * 31, "ü"])
def test_what_it_cannot_read_it_does_not_know(anchor: Anchor, text: str):
    anchor.path.write_text(text)
    assert anchor.read() is None


def test_a_writer_that_hangs_is_given_up_with_advice(anchor: Anchor):
    with anchor.path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(AssayError, match=r"held the ledger's lock .* for 0\.2 s.*fuser"), anchor.held():
            pass
    with anchor.held():
        anchor.note(HEAD)


def test_a_thread_that_hangs_is_given_up_too(anchor: Anchor):
    leave = threading.Event()
    inside = threading.Event()

    def hang() -> None:
        with anchor.held():
            inside.set()
            leave.wait()

    thread = threading.Thread(target=hang)
    thread.start()
    inside.wait()
    with pytest.raises(AssayError, match="lock"), anchor.held():
        pass
    leave.set()
    thread.join()
    with anchor.held():
        pass


def test_a_file_that_a_person_removed_is_made_again_and_still_keeps_others_out(anchor: Anchor, tmp_path: Path):
    with anchor.held():
        anchor.note(Head(1, GENESIS))
    anchor.path.unlink()
    other = Anchor(anchor.path, wait_seconds=0.05)
    with anchor.held():
        anchor.note(HEAD)
        with pytest.raises(AssayError, match="lock"), other.held():
            pass
    assert other.read() == HEAD
    other.close()


def test_a_forked_child_waits_for_its_parent(anchor: Anchor):
    with anchor.held():
        child = os.fork()
        if child == 0:
            try:
                with anchor.held():
                    os._exit(1)  # it came in beside its parent
            except AssayError:
                os._exit(0)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_waiting_writers_come_in_soon_after_each_other(tmp_path: Path):
    anchors = [Anchor(tmp_path / "ledger.head") for _ in range(4)]
    turns: list[int] = []

    def work(number: int) -> None:
        for _ in range(25):
            with anchors[number].held():
                turns.append(number)
                time.sleep(0.0005)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for anchor in anchors:
        anchor.close()
    assert sorted(turns) == [number for number in range(4) for _ in range(25)]
