"""Promises of the artifact store on disk; `tests/integration/test_artifacts_s3.py` holds S3 to the same ones."""

import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import IntegrityError, NotFound, UsageError
from assay.stores.artifacts import FolderArtifacts, open_artifacts, verify_artifacts


@pytest.fixture
def store(tmp_path):
    return open_artifacts(tmp_path / "artifacts")


def damage(store: FolderArtifacts, digest: str) -> Path:
    """Flip one byte of the stored file."""
    path = store.path(digest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(data=st.binary(max_size=3_000))
def test_what_went_in_comes_out_under_its_sha256(store, data):
    digest = store.put(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert store.get(digest) == data
    assert store.has(digest)


def test_putting_twice_stores_once(store):
    assert store.put(b"a model") == store.put(b"a model")
    assert list(store.digests()) == [hashlib.sha256(b"a model").hexdigest()]


def test_a_file_goes_in_and_out_streamed(store, tmp_path):
    original = tmp_path / "weights.bin"
    original.write_bytes(os.urandom(3 << 20))
    digest = store.put_file(original)
    copy = store.fetch(digest, tmp_path / "deep" / "copy.bin")
    assert copy.read_bytes() == original.read_bytes()
    assert digest == hashlib.sha256(original.read_bytes()).hexdigest()


def test_an_altered_byte_is_refused_and_names_file_and_digest(store, tmp_path):
    digest = store.put(b"the model that was approved")
    path = damage(store, digest)
    with pytest.raises(IntegrityError, match=digest) as refusal:
        store.get(digest)
    assert str(path) in str(refusal.value)
    with pytest.raises(IntegrityError, match=digest):
        store.fetch(digest, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_failed_fetch_leaves_the_old_file_alone(store, tmp_path):
    digest = store.put(b"new")
    damage(store, digest)
    target = tmp_path / "model"
    target.write_bytes(b"old")
    with pytest.raises(IntegrityError):
        store.fetch(digest, target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["model"]


def test_a_truncated_artifact_is_damaged(store):
    digest = store.put(b"0123456789")
    path = store.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"01234")
    with pytest.raises(IntegrityError):
        store.get(digest)


def test_verification_lists_the_damaged_ones_and_putting_again_mends_them(store):
    digests = [store.put(f"artifact {number}".encode()) for number in range(5)]
    damage(store, digests[3])
    assert verify_artifacts(store) == [digests[3]]
    store.put(b"artifact 3")
    assert verify_artifacts(store) == []


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc/passwd", "", "ABC", "g" * 64])
def test_what_is_not_there_is_not_found(store, digest):
    with pytest.raises(NotFound, match=r"artifact"):
        store.get(digest)
    with pytest.raises(NotFound):
        store.fetch(digest, Path("never-written"))
    assert not store.has(digest)


def test_artifacts_cannot_be_overwritten_by_accident(store):
    digest = store.put(b"final")
    assert store.path(digest).stat().st_mode & 0o222 == 0


def test_an_empty_store_has_no_digests(store):
    assert list(store.digests()) == []
    assert verify_artifacts(store) == []


def test_a_file_url_is_a_folder_and_other_schemes_are_refused(tmp_path):
    store = open_artifacts(f"file://{tmp_path}/with%20space")
    store.put(b"x")
    assert (tmp_path / "with space").is_dir()
    with pytest.raises(UsageError, match="ftp"):
        open_artifacts("ftp://host/there")


def test_without_boto3_s3_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(UsageError, match=r"pip install 'assay\[s3\]'"):
        open_artifacts("s3://models/assay")


def _put_many(root: Path, barrier: "multiprocessing.Barrier") -> None:
    store = open_artifacts(root)
    barrier.wait()
    for number in range(40):
        store.get(store.put(f"{number}".encode() * 1_000))


def test_processes_that_put_the_same_bytes_at_once_all_succeed(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    writers = [context.Process(target=_put_many, args=(tmp_path / "shared", barrier)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    store = open_artifacts(tmp_path / "shared")
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert len(list(store.digests())) == 40
    assert verify_artifacts(store) == []


WRITER = """
import os, sys
from assay.stores.artifacts import open_artifacts
store = open_artifacts(sys.argv[1])
print("ready", flush=True)
while True:
    print(store.put(os.urandom(2_000_000)), flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_no_half_artifact(tmp_path):
    root = tmp_path / "artifacts"
    acknowledged = []
    for attempt in range(8):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE, text=True) as writer:
            writer.stdout.readline()
            time.sleep(0.01 * attempt)
            writer.send_signal(signal.SIGKILL)
            acknowledged += [line.strip() for line in writer.stdout if line.endswith("\n")]
    store = open_artifacts(root)
    assert verify_artifacts(store) == []
    assert set(acknowledged) <= set(store.digests())


def test_what_a_killed_writer_left_is_cleared_after_a_day(tmp_path):
    scratch = tmp_path / "unfinished"
    scratch.mkdir()
    old, fresh = scratch / ".a.1.unfinished", scratch / ".a.2.unfinished"
    old.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * 86_400,) * 2)
    open_artifacts(tmp_path)
    assert [path.name for path in scratch.iterdir()] == [fresh.name]
