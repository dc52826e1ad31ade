"""Canonical JSON, compared with the `rfc8785` package and with the examples of the RFC."""

import json

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from assay.ledger.canonical import canonical

whole = st.integers(-(2**53) + 1, 2**53 - 1)
decimals = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | whole | decimals | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(values)
def test_it_agrees_with_the_reference_package(value: object):
    assert canonical(value).encode() == rfc8785.dumps(value)


@given(decimals | st.floats(1e15, 1e23) | st.floats(1e-8, 1e-3) | st.integers(-30, 30).map(lambda power: 10.0**power))
@example(-0.0)
@example(5e-324)
@example(1.7976931348623157e308)
@example(1e21)
@example(999999999999999900000.0)
@example(0.000001)
@example(9.999999999999997e-7)
def test_every_number_is_written_as_the_reference_does_and_reads_back(value: float):
    text = canonical(value)
    assert text.encode() == rfc8785.dumps(value)
    assert float(text) == value


@given(values)
def test_it_is_json_with_the_same_meaning(value: object):
    # every number is read as a double, which is what the RFC means by a number
    assert json.loads(canonical(value), parse_int=float) == value


def test_the_example_of_the_rfc():
    # RFC 8785, sections 3.2.2 and 3.2.3
    given_value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert canonical(given_value) == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_ordered_by_their_utf_16_code_units():
    # RFC 8785, section 3.2.3: the emoji's first surrogate, U+D83D, comes before U+FB33
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical(dict.fromkeys(keys)))) == [
        "\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, -(2**53)])
def test_numbers_that_json_cannot_hold_are_refused(value: float):
    with pytest.raises(ValueError, match=r"JSON"):
        canonical([value])


def test_what_is_not_json_is_refused():
    with pytest.raises(TypeError, match="set has no JSON form"):
        canonical({"a": {1}})
    with pytest.raises(TypeError, match="not text"):
        canonical({1: "a"})


def test_nesting_is_bounded():
    value: list[object] = []
    for _ in range(101):
        value = [value]
    with pytest.raises(ValueError, match="deeper than 100"):
        canonical(value)


def test_numpy_numbers_are_written_as_numbers():
    import numpy as np

    assert canonical([np.float64(0.1), np.float64(2.0)]) == "[0.1,2]"
