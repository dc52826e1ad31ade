"""YAML is read with its places, as YAML 1.2 means it, and within bounds."""

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.config.document import MAX_BYTES, Unreadable, plain_values, read_document


def values(text: str) -> Any:
    return plain_values(read_document(text, name="f")[0])


def refusal(text: str) -> str:
    with pytest.raises(Unreadable) as refused:
        read_document(text, name="f")
    return str(refused.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "no"), ("on", "on"), ("true", True), ("False", False), ("null", None), ("~", None), ("", None),
        ("12", 12), ("-3", -3), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("2015-06-30", "2015-06-30"),
        ("1:30", "1:30"), ("0x10", "0x10"), ("'12'", "12"), ('"true"', "true"), ("1_000", "1_000"),
        ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_scalars_mean_what_yaml_1_2_says_and_dates_stay_text(written: str, meant: Any) -> None:
    found = values(f"x: {written}")["x"]
    assert found == meant
    assert isinstance(found, type(meant)) or meant is None


def test_numbers_remember_how_they_were_written() -> None:
    found = values("x: [1.10, 007]")["x"]
    assert [str(one) for one in found] == ["1.10", "007"]
    assert found == [1.1, 7]


def test_every_key_and_value_knows_its_place() -> None:
    root, _ = read_document("a: 1\nb:\n  - x\n  - {c: 3}\n", name="f")
    assert str(root.keys["b"]) == "f:2:1"  # type: ignore[index]
    listed = root.value["b"].value
    assert str(listed[0].place) == "f:3:5"
    assert str(listed[1].keys["c"]) == "f:4:6"
    assert str(listed[1].value["c"].place) == "f:4:9"


def test_a_repeated_key_is_reported_with_both_lines_and_the_first_is_kept() -> None:
    root, problems = read_document("a: 1\nb: {c: 1, c: 2}\na: 3\n", name="f")
    assert [str(one) for one in problems] == [
        "f:2:11  b.c: written twice, first on line 2; remove one.",
        "f:3:1  a: written twice, first on line 1; remove one.",
    ]
    assert plain_values(root) == {"a": 1, "b": {"c": 1}}


def test_anchors_are_expanded_and_nothing_refers_to_itself() -> None:
    assert values("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}
    assert "does not stand before it" in refusal("a: &x [*x]")
    assert "does not stand before it" in refusal("a: *nowhere")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [1, 2", "did not find expected ',' or ']'"),
        ("a: 1\n b: 2", "f:2:3  not YAML"),
        ("a: 1\n---\nb: 2", "second YAML document"),
        ("a: !!python/object:os.system x", "tags"),
        ("a: !secret x", "tags"),
        ("{a: 1}: 2", "a key must be a word"),
        ("[a]: 2", "a key must be a word"),
        ("[" * 100 + "]" * 100, "levels deep"),
        ("[" * 100_000, "levels deep"),
        ("- " * 5000 + "a", "levels deep"),
        ("a: \x01", "character that text files do not hold"),
        ("a: x\ud800", "character that text files do not hold"),
        ("a" * (MAX_BYTES + 1), "longer than"),
        ("[" + "1," * 60_000 + "]", "more than"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, complaint: str) -> None:
    assert complaint in refusal(text)


def test_a_bomb_of_anchors_is_refused_in_a_moment() -> None:
    laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
    laughs += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    started = time.process_time()
    assert "once anchors are expanded" in refusal(laughs)
    long_text = f"a: &a {'x' * 900_000}\nb: [{', '.join(['*a'] * 10_000)}]"
    assert "once anchors are expanded" in refusal(long_text)
    assert time.process_time() - started < 2


def test_the_largest_file_is_read_or_refused_in_a_moment() -> None:
    started = time.process_time()
    for piece in ("a: 1\n", "- {a: [b, c]}\n", "'\n", "{", "&a "):
        with contextlib.suppress(Unreadable):
            read_document(piece * (MAX_BYTES // len(piece)), name="f")
    assert time.process_time() - started < 5


def test_an_empty_text_is_an_empty_document() -> None:
    assert values("") == {}
    assert values("# nothing\n") == {}


def test_words_of_the_file_are_not_quoted_in_complaints() -> None:
    assert "hunter2" not in refusal("password: *hunter2")
    assert "hunter2" not in refusal("password: !hunter2 x")
    assert "hunter2" not in refusal("password: 'hunter2\n")
    assert "hunter2" not in refusal("password: %hunter2\n- x")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text("abc: -[]{}&*!|>'\"#%@\n\t,?0", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Unreadable):
        read_document(text, name="f")
