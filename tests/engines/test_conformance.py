"""Every engine gives what the local one gives when it computes a view whole; DuckDB's as-of join agrees (PF-7)."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assay.engines import open_engine
from assay.errors import PartitionsDepend
from assay.features import offline
from assay.features.definitions import load_definitions
from assay.features.materialize import build
from assay.features.partitioned_build import build_partitioned
from assay.features.partitioned_join import join_on
from assay.features.partitions import SourceFile, plan
from assay.features.point_in_time import SortedRows, join
from assay.features.shipped_code import ShippedView, pack
from assay.pipelines.training import labelled
from assay.project import Project
from assay.stores.online import open_online
from assay.stores.tables import open_tables

DEFINITIONS = Path(__file__).parent / "league" / "definitions.py"
VIEWS = {view.name: view for view in load_definitions(DEFINITIONS).views}
START = datetime(2020, 1, 1, tzinfo=UTC)
GAMES = {"team": pl.String, "known_at": pl.Datetime("us", "UTC"), "points": pl.Int64, "note": pl.String}
TRADES = pl.DataFrame({"club": ["ants", "ants", "bees", "ünïçødé 😀", None]}).cast(pl.Categorical)
CITIES = pl.DataFrame({"team": ["ants", "bees"], "city": ["Rome", "Oslo"]})


def games(*rows):
    """Games as (team, hours since the start, points, note)."""
    known = [
        (team, None if hours is None else START + timedelta(hours=hours), points, note)
        for team, hours, points, note in rows
    ]
    return pl.DataFrame(known, schema=GAMES, orient="row")


TEAMS = ["ants", "bees", "ünïçødé 😀", "", "cats\x1f", "dogs", "z" * 300]
CASES = {
    "ties": games(*[(team, 1, points, None) for points in range(4) for team in TEAMS]),
    "nulls in keys, times and values": games(
        ("ants", 1, None, None), (None, 2, 5, "x"), ("bees", None, 3, None), (None, None, None, None),
        ("ants", 4, 1, ""),
    ),
    "duplicate rows": games(*[("ants", 1, 2, "a"), ("bees", 2, 3, "b")] * 5),
    "late rows": games(
        ("ants", 9, 1, None), ("bees", 3, 2, None), ("ants", 2, 4, "late"), ("dogs", 5, 7, None), ("ants", 1, 8, None),
    ),
    "unicode keys": games(*[(team, hour, hour, team) for hour in range(6) for team in TEAMS]),
    "columns of nulls": games(("ants", 1, None, None), ("bees", 2, None, None), ("cats", 3, None, None)),
    "one row": games(("ants", 1, 5, None)),
    "no rows": games(),
    "one entity, and so empty partitions": games(*[("ants", hour, hour, None) for hour in range(9)]),
}  # fmt: skip


class Stores:
    """An offline and an online store of their own."""

    def __init__(self, folder):
        self.tables, self.online = open_tables(folder / "tables"), open_online(folder / "online.db")

    def held(self, view, keys):
        rows = offline.stored(view, self.tables).frame.collect()
        return rows, self.online.get(view.name, keys), offline.state_of(view, self.tables)


def built(view, frames, *, engine, folder, stores, n_partitions=3, full=False):
    """Build in partitions on the engine."""
    files = {}
    for name, frame in frames.items():
        path = folder / f"{name}.parquet"
        frame.write_parquet(path, row_group_size=4)
        files[name] = SourceFile(str(path))
    cut = plan(view, files, memory_bytes=4_000, least=2, wanted=n_partitions)
    shipped = None if engine.is_local else ShippedView(pack(DEFINITIONS), view.name, view.digest)
    return build_partitioned(
        view,
        files,
        plan=cut,
        engine=engine,
        tables=stores.tables,
        online=stores.online,
        exchange=folder / "exchange",
        shipped=shipped,
        full=full,
    )


def whole(view, frames, *, stores, full=False):
    """Build in one piece, as the local engine does where memory allows it."""
    lazy = {name: frames[name].lazy() for name in view.sources}
    return build(view, lazy, tables=stores.tables, online=stores.online, full=full)


def assert_alike(view, frames, *, engine, tmp_path, stores=None, full=False):
    """Build both ways into two pairs of stores, and compare all that is stored and all that is said."""
    one, other = stores or (Stores(tmp_path / "one"), Stores(tmp_path / "other"))
    tmp_path.mkdir(exist_ok=True)
    said = built(view, frames, engine=engine, folder=tmp_path, stores=one, full=full)
    expected = whole(view, frames, stores=other, full=full)
    keys = [key for key in frames["games"]["team"].unique(maintain_order=True) if key is not None]
    (rows, latest, state), (expected_rows, expected_latest, expected_state) = (
        at.held(view, keys) for at in (one, other)
    )
    assert_frame_equal(rows, expected_rows, check_exact=True)
    assert (latest, state) == (expected_latest, expected_state)
    assert said.evidence == expected.evidence
    assert (said.rows_written, said.rows_pushed) == (expected.rows_written, expected.rows_pushed)
    assert not list((tmp_path / "exchange").glob("*"))
    return one, other


@pytest.mark.parametrize("case", CASES)
def test_stored_rows_are_those_of_the_whole(engine, case, tmp_path):
    assert_alike(VIEWS["totals"], {"games": CASES[case]}, engine=engine, tmp_path=tmp_path)


def test_several_sources_one_of_them_given_whole(engine, tmp_path):
    frames = {"games": CASES["unicode keys"], "trades": TRADES, "cities": CITIES}
    assert_alike(VIEWS["trading"], frames, engine=engine, tmp_path=tmp_path)


def test_views_without_time_are_written_when_they_change(engine, tmp_path):
    stores = assert_alike(VIEWS["best"], {"games": CASES["ties"]}, engine=engine, tmp_path=tmp_path)
    assert_alike(VIEWS["best"], {"games": CASES["ties"]}, engine=engine, tmp_path=tmp_path, stores=stores)
    assert_alike(VIEWS["best"], {"games": CASES["unicode keys"]}, engine=engine, tmp_path=tmp_path, stores=stores)


def test_builds_add_what_is_new_and_what_came_late(engine, tmp_path):
    rows = CASES["late rows"]
    stores = assert_alike(VIEWS["totals"], {"games": rows[:2]}, engine=engine, tmp_path=tmp_path)
    assert_alike(VIEWS["totals"], {"games": rows}, engine=engine, tmp_path=tmp_path, stores=stores)
    assert_alike(VIEWS["totals"], {"games": rows}, engine=engine, tmp_path=tmp_path, stores=stores)
    assert_alike(VIEWS["totals"], {"games": rows[1:]}, engine=engine, tmp_path=tmp_path, stores=stores, full=True)


def test_a_change_of_definition_does_not_write_the_past_again(tmp_path):
    local, rows = open_engine("local"), CASES["late rows"]
    stores = assert_alike(VIEWS["totals"], {"games": rows[:2]}, engine=local, tmp_path=tmp_path)
    changed = replace(VIEWS["totals"], digest="0" * 64)
    later = pl.concat([rows, games(("ants", 20, 5, None))])
    assert_alike(changed, {"games": later}, engine=local, tmp_path=tmp_path, stores=stores)


def test_columns_that_come_are_empty_in_older_rows(tmp_path):
    local, rows, view = open_engine("local"), CASES["late rows"], VIEWS["totals"]
    fewer = replace(view, features={"team_note": view.features["team_note"]}, digest="0" * 64)
    stores = assert_alike(fewer, {"games": rows[1:]}, engine=local, tmp_path=tmp_path)
    assert_alike(view, {"games": rows}, engine=local, tmp_path=tmp_path, stores=stores)


def test_many_builds_are_brought_in_order(tmp_path, monkeypatch):
    for module in ("offline", "partitioned_build"):
        monkeypatch.setattr(f"assay.features.{module}.MOST_BUILDS_APART", 1)
    stores, rows = None, CASES["unicode keys"]
    for n_rows in (5, 11, 20, 29, 42):
        frames = {"games": rows[:n_rows]}
        stores = assert_alike(
            VIEWS["totals"], frames, engine=open_engine("local"), tmp_path=tmp_path, stores=stores, full=False
        )
    assert offline.state_of(VIEWS["totals"], stores[0].tables).sorted_until > 1


def test_a_worker_killed_in_the_middle_changes_nothing(engine, tmp_path):
    if engine.is_local:
        pytest.skip("the local engine works in this very process")
    deadly = CASES["unicode keys"].with_columns(note=pl.lit(f"{os.getpid()} {tmp_path}"))
    assert_alike(VIEWS["fragile"], {"games": deadly}, engine=engine, tmp_path=tmp_path)
    assert (tmp_path / "killed").exists()


def test_a_view_whose_rows_depend_on_other_partitions_is_refused(engine, tmp_path):
    stores, view = Stores(tmp_path), VIEWS["ranked"]
    with pytest.raises(PartitionsDepend, match=r"definitions\.py:\d+: .*'team_points_rank' of .* Declare partition_by"):
        built(view, {"games": CASES["unicode keys"]}, engine=engine, folder=tmp_path, stores=stores)
    assert offline.state_of(view, stores.tables) is None


def test_rows_of_one_entity_in_two_partitions_are_refused(engine, tmp_path):
    stores, view = Stores(tmp_path), VIEWS["leagues"]
    with pytest.raises(PartitionsDepend, match="partition_by"):
        built(view, {"games": CASES["ties"]}, engine=engine, folder=tmp_path, stores=stores)
    assert offline.state_of(view, stores.tables) is None


def test_what_the_sample_did_not_show_is_found_when_rows_are_brought_together(tmp_path, monkeypatch):
    monkeypatch.setattr("assay.features.independence.dependence", lambda *_: "")
    stores, view = Stores(tmp_path), VIEWS["leagues"]
    with pytest.raises(
        PartitionsDepend, match=r"definitions\.py:\d+: view 'leagues': two partitions give a row for league"
    ):
        built(view, {"games": CASES["ties"]}, engine=open_engine("local"), folder=tmp_path, stores=stores)
    assert offline.state_of(view, stores.tables) is None


def drawn(n_labels, n_rows, n_entities, *, rng):
    """Labels and stored rows with ties, nulls and keys that only one side has; times in whole hours."""

    def moments(n):
        return [None if one % 17 == 0 else START + timedelta(hours=int(one)) for one in rng.integers(0, 400, n)]

    def keys(n):
        return [None if one == 0 else f"t{one}é" for one in rng.integers(0, n_entities, n)]

    time = pl.Datetime("us", "UTC")
    labels = pl.DataFrame(
        {"key": range(n_labels), "team": keys(n_labels), "day": pl.Series(moments(n_labels), dtype=time)}
    )
    rows = {"team": keys(n_rows), "known_at": pl.Series(moments(n_rows), dtype=time), "value": range(n_rows)}
    return labels, pl.DataFrame(rows).drop_nulls(["team", "known_at"]).sort("team", "known_at", maintain_order=True)


@pytest.mark.parametrize("ttl", [None, timedelta(hours=30)])
def test_the_join_gives_what_it_gives_in_one_piece(engine, ttl, tmp_path):
    labels, rows = drawn(25_000, 60_000, 300, rng=np.random.default_rng(3))
    rows.write_parquet(tmp_path / "rows.parquet", row_group_size=5_000)
    stored = SortedRows(pl.scan_parquet(tmp_path / "rows.parquet"))
    options = {"entity_column": "team", "entity": "team", "time": "day", "ttl": ttl, "prefix": "p_"}
    in_parts = join_on(engine, tmp_path / "exchange", n_ranges=2)(labels, stored, **options)
    assert_frame_equal(in_parts, join(labels, stored, **options), check_exact=True)
    assert in_parts["p_value"].null_count() < labels.height
    assert not list((tmp_path / "exchange").glob("*"))


def test_a_project_that_changes_one_word_gets_the_same_training_frame_and_history(engine, tmp_path, request):
    address = (
        request.getfixturevalue({"ray": "ray_cluster", "spark": "spark_master"}[engine.name])
        if not engine.is_local
        else None
    )
    found = {}
    for name, keys in {"whole": {}, "parts": {"name": engine.name, "address": address, "partitions": 3}}.items():
        folder = make_league(tmp_path / name, engine=keys)
        with Project.open(folder) as project:
            evidence = project.features.build(as_of=START + timedelta(days=60))
            rows = pl.read_parquet(folder / "played.parquet")
            history = project.features.history(rows)
            found[name] = history, labelled(project.workspace, rows).rows
            assert ("3 partitions" in evidence[0].summary) == (name == "parts")
    for one, other in zip(found["whole"], found["parts"], strict=True):
        assert_frame_equal(one, other, check_exact=True)
    assert found["whole"][0]["team_points_all_sum"].null_count() < 40


def make_league(folder, *, engine):
    """A project over a few hundred games of the league."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    teams = [TEAMS[one] for one in rng.integers(0, len(TEAMS), 400)]
    rows = games(
        *[(team, int(hour), int(hour) % 7, None) for team, hour in zip(teams, rng.integers(0, 900, 400), strict=True)]
    )
    rows.rename({"known_at": "time"}).write_parquet(folder / "games.parquet")
    labels = rows.sample(40, seed=1).select("team", "points", day="known_at").with_row_index("id")
    labels.write_parquet(folder / "played.parquet")
    source = DEFINITIONS.read_text(encoding="utf-8")
    (folder / "definitions.py").write_text(
        source.partition('@feature_view(\n    entity="team",\n    sources=')[0], encoding="utf-8"
    )
    declared = {
        "name": "league",
        "brief": {},
        "sources": {
            "games": {"path": "games.parquet", "time": "time"},
            "played": {"path": "played.parquet", "time": "day"},
        },
        "target": {"source": "played", "label": "points", "key": "id", "time": "day", "entities": {"team": "team"}},
        **({"engine": {name: value for name, value in engine.items() if value}} if engine else {}),
    }
    (folder / "assay.yaml").write_text(json.dumps(declared), encoding="utf-8")
    return folder


ROWS = st.lists(
    st.tuples(
        st.sampled_from([*TEAMS, None]),
        st.one_of(st.none(), st.integers(0, 30)),
        st.one_of(st.none(), st.integers(-5, 5)),
        st.one_of(st.none(), st.sampled_from("xyz")),
    ),
    max_size=40,
)


@settings(max_examples=12, deadline=None)
@given(rows=ROWS, n_partitions=st.integers(2, 9))
def test_any_rows_in_any_number_of_partitions(tmp_path_factory, rows, n_partitions):
    folder = tmp_path_factory.mktemp("any")
    frames, stores = {"games": games(*rows)}, (Stores(folder / "one"), Stores(folder / "other"))
    built(
        VIEWS["totals"], frames, engine=open_engine("local"), folder=folder, stores=stores[0], n_partitions=n_partitions
    )
    whole(VIEWS["totals"], frames, stores=stores[1])
    (rows_in_parts, _, _), (expected, _, _) = (at.held(VIEWS["totals"], []) for at in stores)
    assert_frame_equal(rows_in_parts, expected, check_exact=True)


def test_duckdb_finds_the_same_rows(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="a second opinion, where DuckDB is installed")
    labels, rows = drawn(3_000, 9_000, 60, rng=np.random.default_rng(4))
    ours = join(labels, SortedRows(rows.lazy()), entity_column="team", entity="team", time="day")
    last = rows.unique(["team", "known_at"], keep="last", maintain_order=True)
    labels.write_parquet(tmp_path / "labels.parquet")
    last.write_parquet(tmp_path / "rows.parquet")
    query = (
        f"SELECT l.key, r.value FROM '{tmp_path}/labels.parquet' l ASOF LEFT JOIN '{tmp_path}/rows.parquet' r "
        "ON l.team = r.team AND l.day > r.known_at ORDER BY l.key"
    )
    assert ours["value"].to_list() == [value for _, value in duckdb.connect().execute(query).fetchall()]
