"""The page: findings first, one line and one card a column, readable with 50 columns and with 500."""

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from assay.config.settings import Source
from assay.data.understanding import data_report, report, understand

N = 300
START = datetime(2024, 1, 1, tzinfo=UTC)


def page_of(frame, source=None, **options):
    return data_report(understand("visits", frame, source, rng=np.random.default_rng(0), **options), title="shop")


def wide(n_columns):
    rng = np.random.default_rng(1)
    return pl.DataFrame(
        {
            f"column_{number}": rng.normal(size=N) if number % 2 else rng.choice(list("abc"), N)
            for number in range(n_columns)
        }
    )


@pytest.fixture(scope="module")
def page():
    rng = np.random.default_rng(2)
    spend = rng.lognormal(3, 1, N)
    frame = pl.DataFrame(
        {
            "visit": [f"V{number:04}" for number in range(N)],
            "event_time": [START + timedelta(days=number) for number in range(N)],
            "spend": spend,
            "colour": rng.choice(["red", "green"], N),
            "nothing": [None] * N,
            "bought": (spend > 20).astype(int),
        }
    )
    source = Source(key=("visit",), protected=("colour",), columns={"spend": "money spent, in EUR"})
    return page_of(frame, source, label="bought", part="training part: rows known before June")


def test_the_page_reads_in_the_order_of_what_matters(page):
    order = re.findall(r'<h2 id="([a-z]+)"', page)
    assert order == ["findings", "provenance", "time", "all", "label", "protected", "together", "columns", "method"]
    assert "Training part: rows known before June." in page
    assert "money spent, in EUR" in page
    assert "nothing holds no value at all" in page


def test_it_needs_no_network_and_no_script(page):
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert "default-src 'none'" in page
    assert not re.findall(r'\sstyle="', page)


def test_every_link_leads_somewhere_and_every_picture_says_what_it_shows(page):
    ids = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids
    pictures = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(pictures) > 10
    for picture in pictures:
        root = ET.fromstring(picture)
        assert root.get("aria-label")
        numbers = [
            float(value) for mark in root.iter() for name in ("width", "height", "r") if (value := mark.get(name))
        ]
        assert all(number >= 0 for number in numbers)


def test_values_that_name_rows_are_not_shown(page):
    assert "V0123" not in page
    assert "are not shown" in page


@pytest.mark.parametrize("n_columns", [50, 500])
def test_wide_sources_stay_readable(n_columns):
    page = page_of(wide(n_columns), label="column_0")
    assert page.count('class="column"') == min(n_columns, report.MOST_CARDS)
    lines = page.split('<h2 id="all">')[1].split("<h2")[0]
    assert len(re.findall(r"<tr><th>(?!Column)", lines)) == n_columns
    if n_columns > report.MOST_LINES:
        assert len(re.findall(r"<tr><th>(?!Column)", lines.split("<details>")[0])) == report.MOST_LINES
        assert f"{n_columns - report.MOST_CARDS} columns have no card" in page
    assert len(page) < 4_000_000
    assert page.count('class="cell') <= report.charts.MOST_CELLS**2
