"""Pages: the style matches its digest, numbers are typeset, and text stays text."""

import base64
import hashlib
import re

import jinja2
import pytest

from assay.pages.render import coded, count, figure, linked, moment, p_value, percent, render, signed


def test_the_policy_allows_exactly_the_style_of_the_page():
    page = render("assay.pages", "base.html")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page


def test_a_value_that_a_template_lacks_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        render("assay.evaluation", "card.html")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (figure(0.61234), "0.6123"),
        (figure(12345.678), "12,345.7"),
        (figure(-0.5), "−0.5000"),
        (figure(None), "undefined"),
        (figure(float("nan")), "undefined"),
        (signed(0.02), "+0.0200"),
        (signed(-0.00001), "0.0000"),
        (percent(0.1234), "12.3%"),
        (percent(-0.00001), "0.0%"),
        (percent(None), "undefined"),
        (p_value(0.0004), "< 0.001"),
        (p_value(0.03), "0.030"),
        (p_value(None), ""),
        (count(63157), "63,157"),
        (count(None), "unknown"),
        (moment("2026-11-21T10:21:07.123456Z"), "2026-11-21 10:21:07 UTC"),
        (moment(""), ""),
    ],
)
def test_numbers_are_set_as_people_read_them(shown, expected):
    assert shown == expected


def test_known_evidence_is_linked_and_all_else_escaped():
    text = linked("see E-000042 and E-000099 <b>", frozenset({"E-000042"}))
    assert text == 'see <a class="id" href="#E-000042">E-000042</a> and E-000099 &lt;b&gt;'


def test_backticks_become_code_and_stay_escaped():
    assert coded("set `a<b` now") == "set <code>a&lt;b</code> now"
