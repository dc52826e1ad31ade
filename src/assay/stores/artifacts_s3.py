"""Artifacts by digest in an S3 bucket, through the official client.

S3 checks the SHA-256 of every upload itself and shows an object only when it is whole, so a crash leaves nothing
behind. Endpoint, region and credentials are found as by every AWS client.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from assay.errors import NotFound, ServiceUnreachable, UsageError
from assay.stores.artifacts import (
    CHUNK_BYTES,
    checked,
    digest_of_file,
    is_digest,
    require_digest,
    require_match,
)
from assay.stores.durable import write_whole

CONNECT_TIMEOUT_SECONDS = 3
READ_TIMEOUT_SECONDS = 60
ATTEMPTS = 3
LARGEST_UPLOAD_BYTES = 5 * 1024**3  # the limit of one PutObject; a multipart upload has no SHA-256 of the whole
ABSENT = {"404", "NoSuchKey", "NotFound"}
REFUSED = {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"}


class S3Artifacts:
    """Artifacts as objects `prefix/ab/abcdef...`; safe to use from several threads and processes."""

    def __init__(self, *, bucket: str, prefix: str = "") -> None:
        try:
            import boto3
            from botocore.config import Config
        except ImportError:
            raise UsageError(
                f"stores.artifacts: s3://{bucket} needs boto3, which is not installed. Run: pip install 'assay[s3]'"
            ) from None
        if not bucket:
            raise UsageError("stores.artifacts: the URL names no bucket. Write s3://bucket/prefix.")
        self.bucket, self.prefix = bucket, f"{prefix}/" if prefix else ""
        settings = Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        with self._errors_named():
            self._client: Any = boto3.client("s3", config=settings)

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self._upload(digest, data)
        return digest

    def put_file(self, path: Path) -> str:
        if path.stat().st_size > LARGEST_UPLOAD_BYTES:
            raise UsageError(f"{path} is larger than 5 GiB, the most that S3 takes in one piece. Split it.")
        digest = digest_of_file(path)
        with path.open("rb") as file:
            self._upload(digest, file)
        return digest

    def get(self, digest: str) -> bytes:
        with self._errors_named(digest):
            data: bytes = self._open(digest).read()
        require_match(digest, hashlib.sha256(data).hexdigest(), where=self._where(digest))
        return data

    def fetch(self, digest: str, to: Path) -> Path:
        with self._errors_named(digest):
            chunks = self._open(digest).iter_chunks(CHUNK_BYTES)
            write_whole(to, checked(chunks, digest, where=self._where(digest)))
        return to

    def has(self, digest: str) -> bool:
        return is_digest(digest) and self._checksum(digest) is not None

    def digests(self) -> Iterator[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        with self._errors_named():
            for page in pages:
                for entry in page.get("Contents", ()):
                    name = entry["Key"].rpartition("/")[2]
                    if is_digest(name) and entry["Key"] == self._key(name):
                        yield name

    def _upload(self, digest: str, body: bytes | IO[bytes]) -> None:
        checksum = base64.b64encode(bytes.fromhex(digest)).decode()
        if self._checksum(digest) == checksum:
            return
        with self._errors_named(digest):
            self._client.put_object(
                Bucket=self.bucket,
                Key=self._key(digest),
                Body=body,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
            )

    def _checksum(self, digest: str) -> str | None:
        """The SHA-256 that S3 keeps for the object, "" where it keeps none, None where there is no object."""
        try:
            with self._errors_named(digest):
                answer = self._client.head_object(Bucket=self.bucket, Key=self._key(digest), ChecksumMode="ENABLED")
        except NotFound:
            return None
        return str(answer.get("ChecksumSHA256", ""))

    def _open(self, digest: str) -> Any:
        return self._client.get_object(Bucket=self.bucket, Key=self._key(require_digest(digest)))["Body"]

    def _key(self, digest: str) -> str:
        return f"{self.prefix}{digest[:2]}/{digest}"

    def _where(self, digest: str) -> str:
        return f"s3://{self.bucket}/{self._key(digest)}"

    @contextmanager
    def _errors_named(self, digest: str = "") -> Iterator[None]:
        """Turn botocore's errors into ours, each with what to do."""
        from botocore import exceptions

        try:
            yield
        except exceptions.ClientError as error:
            raise self._named(error.response, digest) from error
        except (exceptions.NoCredentialsError, exceptions.NoRegionError, exceptions.PartialCredentialsError) as error:
            raise UsageError(
                f"s3://{self.bucket}: {error}. Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_DEFAULT_REGION, "
                "or AWS_PROFILE."
            ) from error
        except (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError) as error:
            raise ServiceUnreachable(
                f"the S3 server of s3://{self.bucket} does not answer: {error}. "
                "Check AWS_ENDPOINT_URL and the network, then try again."
            ) from error

    def _named(self, response: Any, digest: str) -> Exception:
        code, message = response["Error"]["Code"], response["Error"].get("Message", "")
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "NoSuchBucket":
            return UsageError(f"there is no bucket {self.bucket!r}. Make it, or correct stores.artifacts.")
        if code in ABSENT:
            return NotFound(f"no artifact at {self._where(digest)}. Was it made in another project, or never stored?")
        if code in REFUSED:
            return UsageError(f"S3 refuses s3://{self.bucket}: {code} {message}. Check the credentials and its policy.")
        if status >= 500 or code == "SlowDown":
            return ServiceUnreachable(f"the S3 server of s3://{self.bucket} fails: {code} {message}. Try again later.")
        return UsageError(f"S3 cannot serve {self._where(digest)}: {code} {message}.")
