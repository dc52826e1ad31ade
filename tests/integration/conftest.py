"""A server that speaks the protocol of S3, for every test that needs a bucket."""

import logging
import multiprocessing
import threading

import boto3
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "assay-models"


def _serve(port: "multiprocessing.SimpleQueue[int]") -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port.put(server.get_host_and_port()[1])
    threading.Event().wait()


@pytest.fixture(scope="module")
def endpoint():
    """A server in its own process: in ours it would wait for the lock that Delta's client holds while it waits."""
    context = multiprocessing.get_context("spawn")
    port = context.SimpleQueue()
    server = context.Process(target=_serve, args=(port,), daemon=True)
    server.start()
    yield f"http://127.0.0.1:{port.get()}"
    server.kill()
    server.join()


@pytest.fixture
def s3(endpoint, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    yield client
    for entry in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=entry["Key"])
    client.delete_bucket(Bucket=BUCKET)
