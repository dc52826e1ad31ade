"""Arrays as one file: what is read is what was written, and nothing else is read."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from assay.errors import IntegrityError
from assay.models.tensors import read_tensors, write_tensors

ARRAYS = arrays(np.float32, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


@given(st.dictionaries(st.text(max_size=5), ARRAYS, max_size=4))
def test_what_is_read_is_what_was_written(tensors):
    found = read_tensors(write_tensors(tensors))
    assert found.keys() == tensors.keys()
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array)


def test_the_layout_by_hand():
    data = write_tensors({"b": np.array([[1.0, 2.0]]), "a": np.array(3.0)})
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    assert json.loads(data[8 : 8 + length]) == {
        "a": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
        "b": {"dtype": "F32", "shape": [1, 2], "data_offsets": [4, 12]},
    }
    assert np.frombuffer(data[8 + length :], "<f4").tolist() == [3, 1, 2]


@given(st.binary(max_size=60))
def test_other_bytes_are_refused(data):
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_tensors(data)


@pytest.mark.parametrize(
    ("old", "new"), [(b"F32", b"F64"), (b"[0,4]", b"[0,9]"), (b"[0,4]", b"[4,0]"), (b'"shape":[1]', b'"shape":[7]')]
)
def test_a_header_that_lies_is_refused(old, new):
    data = write_tensors({"a": np.array([1.0])})
    assert old in data
    with pytest.raises(IntegrityError):
        read_tensors(data.replace(old, new))
