"""Sources in a bucket: `s3://bucket/key`, where the last part may hold wildcards.

Parquet is read where it lies, its columns as they are needed. Text formats and workbooks are copied first, since they
must be looked at from end to end before a row of them can be trusted; the copies live as long as the process.
Endpoint, region and credentials are those of every AWS client (`AWS_ENDPOINT_URL`, `AWS_PROFILE`, ...).
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from assay.config.settings import Source
from assay.errors import ConfigError, ServiceUnreachable

SCHEME = "s3://"
WILDCARDS = "*?["


def is_remote(source: Source) -> bool:
    """Whether a source lies in a bucket."""
    return (source.path or "").startswith(SCHEME)


def storage_options() -> dict[str, str]:
    """What Polars must be told beyond the environment: a server of one's own may speak plain HTTP."""
    return {"aws_allow_http": "true"}


def objects(name: str, source: Source) -> list[str]:
    """The addresses that a path stands for, in the order of their names.

    Raises:
        ConfigError: Nothing is there, the bucket is not, or access is refused.
        ServiceUnreachable: The server does not answer.
    """
    bucket, _, pattern = (source.path or "").removeprefix(SCHEME).partition("/")
    if not bucket or not pattern:
        raise ConfigError(
            f"sources.{name}.path: {source.path!r} names no object. Write s3://bucket/folder/file.parquet."
        )
    first = min((pattern.find(mark) for mark in WILDCARDS if mark in pattern), default=len(pattern))
    with _errors_named(name, bucket):
        pages = _client(name).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=pattern[:first])
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    found = sorted(
        key for key in keys if key == pattern or (first < len(pattern) and fnmatch.fnmatchcase(key, pattern))
    )
    if not found:
        raise ConfigError(
            f"sources.{name}.path: there is no object {source.path}. Correct the path, or put the file there."
        )
    return [f"{SCHEME}{bucket}/{key}" for key in found]


def fetched(name: str, source: Source) -> list[Path]:
    """Copies of the objects on this machine.

    Raises:
        ConfigError, ServiceUnreachable: As `objects`.
    """
    copies = []
    for address in objects(name, source):
        bucket, _, key = address.removeprefix(SCHEME).partition("/")
        copy = Path(mkdtemp(dir=_folder().name)) / PurePosixPath(key).name
        with _errors_named(name, bucket):
            _client(name).download_file(bucket, key, str(copy))
        copies.append(copy)
    return copies


@cache
def _folder() -> TemporaryDirectory[str]:
    """Where this process keeps its copies; removed when it ends."""
    return TemporaryDirectory(prefix="assay-sources-")


def _client(name: str) -> Any:
    try:
        import boto3
    except ModuleNotFoundError as failure:
        raise ConfigError(
            f"sources.{name}: reading from a bucket needs a library that is not installed: pip install 'assay[s3]'."
        ) from failure
    return boto3.client("s3")


@contextmanager
def _errors_named(name: str, bucket: str) -> Iterator[None]:
    """Turn botocore's errors into ours, each with what to do."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as failure:
        code, message = failure.response["Error"]["Code"], failure.response["Error"].get("Message", "")
        if int(failure.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500:
            raise ServiceUnreachable(
                f"sources.{name}: the server of {SCHEME}{bucket} fails: {code} {message}"
            ) from failure
        raise ConfigError(
            f"sources.{name}: {SCHEME}{bucket} cannot be read: {code}, {message}. "
            "Correct the bucket, or the credentials."
        ) from failure
    except (exceptions.NoCredentialsError, exceptions.NoRegionError, exceptions.PartialCredentialsError) as failure:
        raise ConfigError(
            f"sources.{name}: {failure}. Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION, or "
            "AWS_PROFILE."
        ) from failure
    except (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError) as failure:
        raise ServiceUnreachable(
            f"sources.{name}: the server of {SCHEME}{bucket} does not answer: {failure}. "
            "Check AWS_ENDPOINT_URL and the network, then try again."
        ) from failure
