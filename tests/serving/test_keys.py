"""Keys are compared by digest, and an open door needs them."""

import pytest

from assay.errors import ConfigError
from assay.serving.keys import digest_of, is_accepted, is_loopback, new_key, refuse_open_door


def test_a_key_is_accepted_in_either_header_and_nothing_else_is():
    key, digest = new_key()
    digests = frozenset({digest, digest_of("another")})
    assert is_accepted([(b"x-api-key", key.encode())], digests)
    assert is_accepted([(b"host", b"x"), (b"authorization", b"bearer " + key.encode())], digests)
    for wrong in ([], [(b"x-api-key", b"")], [(b"x-api-key", digest.encode())], [(b"authorization", key.encode())]):
        assert not is_accepted(wrong, digests)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str):
    assert is_loopback(host)
    refuse_open_door(host, [])


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_any_other_address_does(host: str):
    with pytest.raises(ConfigError, match="Listen on 127"):
        refuse_open_door(host, [])
    refuse_open_door(host, ["some digest"])
