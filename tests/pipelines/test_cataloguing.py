"""The catalogue page: every feature with its documentation, builds, freshness, spread and readers, in one safe file."""

import re
from pathlib import Path

import pytest
from markupsafe import escape
from tests.projects import assay, edit

from assay.project import Project


@pytest.fixture(scope="module")
def page(finished_churn, tmp_path_factory):
    with Project.open(finished_churn) as project:
        return project.features.catalogue(tmp_path_factory.mktemp("page") / "new" / "features.html").read_text()


def test_every_feature_is_there_with_all_that_is_known_of_it(page, finished_churn):
    with Project.open(finished_churn) as project:
        listed = project.features.search()
    assert len(listed) > 20
    for entry in listed:
        row = re.search(rf'<tr id="{entry["name"]}">.*?</tr>', page, re.DOTALL)[0]
        assert str(escape(entry["description"])) in row
        assert ("churn@1.0.0 (production)" in row) == (not entry["internal"])
    spend = re.search(r'<tr id="customer_spend_30d_sum">.*?</tr>', page, re.DOTALL)[0]
    assert "Float64" in spend
    assert "100.0%" in spend
    assert 'class="spark"' in spend
    assert "median" in spend


def test_views_tell_their_builds_and_their_freshness(page):
    view = re.search(r'<details class="column" id="view-purchases".*?</details>', page, re.DOTALL)[0]
    for said in ("retention team", "2026-11-21", "daily", "365 days", "definitions.py:", "last build", "rows stored"):
        assert said in view, said
    assert re.search(r"badge (pass|warn|fail)", view)


def test_the_page_needs_nothing_and_runs_nothing(page):
    assert not re.search(r"<script|src=|https?://|@import|url\(", page)
    assert "default-src 'none'" in page


def test_what_a_definition_says_cannot_become_markup(churn):
    edit(churn / "definitions.py", ("Sales region", "Sales <script>alert(1)</script> & region"))
    with Project.open(churn) as project:
        text = project.features.catalogue().read_text()
    assert "Sales &lt;script&gt;alert(1)&lt;/script&gt; &amp; region" in text
    assert "<script>" not in text


def test_before_anything_is_built_the_page_shows_the_declarations(fresh_churn):
    done = assay("features", "list", "--html", "--json", "--project", fresh_churn)
    assert done.code == 0, done.err
    written = Path(done.document()["page"])
    with Project.open(fresh_churn) as project:
        listed = project.features.search()
    assert written == fresh_churn / ".assay" / "reports" / "features.html"
    text = written.read_text()
    assert all(f'<tr id="{entry["name"]}">' in text for entry in listed)
    assert "5 views are not as fresh as promised" in text
    assert "never built" in text


def test_types_are_listed_once_a_view_is_built(finished_churn, fresh_churn):
    with Project.open(finished_churn) as project:
        assert project.features.show("customer_age")["data_type"] == "Int64"
    with Project.open(fresh_churn) as project:
        assert project.features.show("customer_age")["data_type"] == ""
