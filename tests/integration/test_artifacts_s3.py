"""Artifacts and tables on S3, through the official client against a local server that speaks the protocol."""

import hashlib
import os
import socket
from datetime import UTC, datetime

import boto3
import polars as pl
import pytest
from tests.integration.conftest import BUCKET

from assay.errors import IntegrityError, NotFound, ServiceUnreachable, UsageError
from assay.stores.artifacts import open_artifacts, verify_artifacts
from assay.stores.tables import open_tables


@pytest.fixture
def store(s3):
    return open_artifacts(f"s3://{BUCKET}/projects/churn")


def damage(s3, digest: str, data: bytes = b"something else") -> str:
    key = f"projects/churn/{digest[:2]}/{digest}"
    s3.put_object(Bucket=BUCKET, Key=key, Body=data)
    return key


@pytest.mark.parametrize("data", [b"", b"a model", os.urandom(3 << 20)], ids=["empty", "small", "3 MiB"])
def test_what_went_in_comes_out_under_its_sha256(store, data):
    digest = store.put(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert store.get(digest) == data
    assert store.has(digest)
    assert list(store.digests()) == [digest]


def test_putting_twice_uploads_once(store, s3):
    digest = store.put(b"a model")
    key = f"projects/churn/{digest[:2]}/{digest}"
    s3.put_object_tagging(Bucket=BUCKET, Key=key, Tagging={"TagSet": [{"Key": "first", "Value": "yes"}]})
    assert store.put(b"a model") == digest
    assert s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"], "a second upload would have dropped the tag"


def test_a_file_goes_in_and_out_streamed(store, tmp_path):
    original = tmp_path / "weights.bin"
    original.write_bytes(os.urandom(3 << 20))
    digest = store.put_file(original)
    copy = store.fetch(digest, tmp_path / "deep" / "copy.bin")
    assert copy.read_bytes() == original.read_bytes()


def test_altered_bytes_are_refused_and_name_object_and_digest(store, s3, tmp_path):
    digest = store.put(b"the model that was approved")
    key = damage(s3, digest)
    with pytest.raises(IntegrityError, match=digest) as refusal:
        store.get(digest)
    assert f"s3://{BUCKET}/{key}" in str(refusal.value)
    with pytest.raises(IntegrityError, match=digest):
        store.fetch(digest, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_verification_lists_the_damaged_ones_and_putting_again_mends_them(store, s3):
    digests = [store.put(f"artifact {number}".encode()) for number in range(4)]
    damage(s3, digests[2], b"artifact X")
    assert verify_artifacts(store) == [digests[2]]
    store.put(b"artifact 2")
    assert verify_artifacts(store) == []


@pytest.mark.parametrize("digest", ["0" * 64, "../../etc/passwd", ""])
def test_what_is_not_there_is_not_found(store, digest, tmp_path):
    with pytest.raises(NotFound, match="artifact"):
        store.get(digest)
    with pytest.raises(NotFound):
        store.fetch(digest, tmp_path / "never")
    assert not store.has(digest)


def test_prefixes_do_not_see_each_other(store):
    other = open_artifacts(f"s3://{BUCKET}/projects/other")
    store.put(b"mine")
    assert list(other.digests()) == []
    whole_bucket = open_artifacts(f"s3://{BUCKET}")
    assert whole_bucket.has(whole_bucket.put(b"at the root"))
    assert len(list(whole_bucket.digests())) == 1


def test_a_missing_bucket_is_a_usage_error(s3):
    with pytest.raises(UsageError, match="no bucket 'never-made'"):
        open_artifacts("s3://never-made/x").put(b"x")
    with pytest.raises(UsageError, match="names no bucket"):
        open_artifacts("s3:///x")


def test_a_server_that_does_not_answer_is_unreachable(s3, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    store = open_artifacts(f"s3://{BUCKET}/x")
    with pytest.raises(ServiceUnreachable, match="does not answer"):
        store.get("0" * 64)
    with pytest.raises(ServiceUnreachable, match="AWS_ENDPOINT_URL"):
        store.put(b"x")
    with pytest.raises(ServiceUnreachable, match=r"stores\.tables"):
        open_tables(f"s3://{BUCKET}/x").version("games")


def test_without_credentials_the_message_names_the_variables(s3, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID"):
        open_artifacts(f"s3://{BUCKET}/x").put(b"x")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("AccessDenied", 403, UsageError),
        ("InternalError", 500, ServiceUnreachable),
        ("SlowDown", 503, ServiceUnreachable),
    ],
)
def test_a_refusal_is_a_usage_error_and_a_failing_server_is_unreachable(store, code, status, error):
    # moto allows everything and never fails, so the answers are written by hand
    response = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert isinstance(store._named(response, "0" * 64), error)


def test_tables_keep_their_promises_on_s3(s3):
    tables = open_tables(f"s3://{BUCKET}/tables")
    known_at = datetime(2026, 11, 21, tzinfo=UTC)
    assert tables.version("features/form") is None
    assert tables.append("features/form", pl.DataFrame({"i": [1], "known_at": [known_at]}), metadata={"a": "1"}) == 0
    assert tables.append("features/form", pl.DataFrame({"i": [2], "x": [0.5]})) == 1
    assert tables.scan("features/form").collect().rows() == [(1, known_at, None), (2, None, 0.5)]
    assert tables.scan("features/form", version=0).collect().rows() == [(1, known_at)]
    assert tables.overwrite("features/form", pl.DataFrame({"z": [1]}), metadata={"b": "2"}) == 2
    assert tables.metadata("features/form") == {"b": "2"}
    assert tables.scan("features/form").collect().rows() == [(1,)]
