"""API keys: a client shows the key, the configuration holds only its SHA-256 digest."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from collections.abc import Iterable, Sequence

from assay.errors import ConfigError

KEY_BYTES = 32


def new_key() -> tuple[str, str]:
    """A fresh key and the digest to put in `serving.api_keys`; the key itself is stored nowhere."""
    key = secrets.token_urlsafe(KEY_BYTES)
    return key, digest_of(key)


def digest_of(key: str) -> str:
    """SHA-256 in hexadecimal; a salt adds nothing to keys of 256 random bits."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_accepted(headers: Iterable[tuple[bytes, bytes]], digests: frozenset[str]) -> bool:
    """Whether a request shows an accepted key as `Authorization: Bearer KEY` or `X-API-Key: KEY`."""
    for name, value in headers:
        if name == b"x-api-key":
            shown = value
        elif name == b"authorization" and value[:7].lower() == b"bearer ":
            shown = value[7:].strip()
        else:
            continue
        if hashlib.sha256(shown).hexdigest() in digests:
            return True
    return False


def refuse_open_door(host: str, digests: Sequence[str]) -> None:
    """Keys are needed wherever the service can be reached from another machine.

    Raises:
        ConfigError: `host` is beyond loopback and no keys are configured; shows how to make one.
    """
    if digests or is_loopback(host):
        return
    key, digest = new_key()
    raise ConfigError(
        f"serving.host {host!r} can be reached from other machines, and serving.api_keys is empty. Listen on "
        f"127.0.0.1, or add the digest of a key, for example\n  serving:\n    api_keys: [{digest}]\n"
        f"and give clients this new key, which is shown only now: {key}"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a name other than localhost is not trusted to."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
