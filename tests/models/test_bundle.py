"""A bundle loads only what was saved: every file is proven, pickles and unknown formats are refused."""

import hashlib
import json
import pickle

import pytest

from assay.errors import IntegrityError, NotFound, UsageError
from assay.models.bundle import Bundle


class Shelf(dict):
    """A store in a dictionary."""

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self[digest] = data
        return digest

    def get(self, digest: str) -> bytes:
        return self[digest]


FILES = {"model.json": b'{"format": 1}', "model.onnx": b"graph", "model.txt": b"tree"}


def test_what_is_saved_is_loaded():
    shelf = Shelf()
    digest = Bundle(FILES).save(shelf)
    assert digest == Bundle(FILES).digest
    assert Bundle.load(shelf, digest).files == FILES
    assert Bundle.load(shelf, digest).size_bytes == sum(map(len, FILES.values()))


def test_equal_files_have_one_digest_whatever_their_order():
    assert Bundle(dict(reversed(FILES.items()))).digest == Bundle(FILES).digest
    assert Bundle(FILES).with_file("profile.json", b"{}").digest != Bundle(FILES).digest


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_names_its_file(name):
    shelf = Shelf()
    digest = Bundle(FILES).save(shelf)
    stored = hashlib.sha256(FILES[name]).hexdigest()
    shelf[stored] = bytes([FILES[name][0] ^ 1]) + FILES[name][1:]
    with pytest.raises(IntegrityError, match=name):
        Bundle.load(shelf, digest)


def test_a_flipped_byte_in_the_manifest_is_found():
    shelf = Shelf()
    digest = Bundle(FILES).save(shelf)
    shelf[digest] = shelf[digest].replace(b"model.txt", b"model.tXt")
    with pytest.raises(IntegrityError, match="manifest"):
        Bundle.load(shelf, digest)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_are_refused_wherever_they_come_from(protocol):
    data = pickle.dumps({"a": 1}, protocol=protocol)
    with pytest.raises(UsageError, match=r"model\.bin is a pickle.*ONNX"):
        Bundle({"model.bin": data})
    shelf = Shelf()
    with pytest.raises(UsageError, match="pickle"):
        Bundle.load(shelf, shelf.put(data))
    listing = json.dumps({"format": 1, "files": {"model.bin": shelf.put(data)}}).encode()
    with pytest.raises(UsageError, match="pickle"):
        Bundle.load(shelf, shelf.put(listing))


def test_a_pickle_by_name_is_refused():
    with pytest.raises(UsageError, match="pickle"):
        Bundle({"model.joblib": b"x"})


def test_an_unknown_format_is_refused_with_what_to_do():
    shelf = Shelf()
    with pytest.raises(UsageError, match=r"format 99.*version that wrote it"):
        Bundle.load(shelf, shelf.put(b'{"format": 99, "files": {}}'))


@pytest.mark.parametrize("data", [b"\xff\xfe", b"not json", b"[]"])
def test_what_is_no_manifest_is_refused(data):
    shelf = Shelf()
    with pytest.raises(UsageError):
        Bundle.load(shelf, shelf.put(data))


def test_an_absent_file_is_named():
    with pytest.raises(NotFound, match=r"profile\.json"):
        Bundle(FILES).read("profile.json")
