"""How rows find their partition, and when a source is cut at all."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from assay.errors import ConfigError
from assay.features.definitions import feature_view
from assay.features.independence import difference
from assay.features.partitions import SourceFile, buckets, memory_of_machine, partition_columns, plan

START = datetime(2020, 1, 1, tzinfo=UTC)


def view_by(partition_by=None, sources=("games",)):
    @feature_view(entity="team", sources=sources, features={"team_points": "Points"}, partition_by=partition_by)
    def points(*frames):
        return frames[0]

    return points


@pytest.fixture
def source(tmp_path):
    rows = pl.DataFrame(
        {
            "team": [f"t{one % 7}" for one in range(1_000)],
            "known_at": [START + timedelta(hours=one) for one in range(1_000)],
        }
    ).with_columns(pl.col("known_at").cast(pl.Datetime("us", "UTC")))
    rows.write_parquet(tmp_path / "games.parquet", row_group_size=100)
    return SourceFile(str(tmp_path / "games.parquet"), START + timedelta(hours=600))


def test_buckets_are_what_the_docstring_says_on_any_machine():
    # what `printf ants | gzip -c | tail -c8` shows, and Knuth's multiplication by hand
    assert buckets(pl.DataFrame({"key": ["ants"]}), ["key"], 2**32).to_list() == [1657287972]
    assert buckets(pl.DataFrame({"key": [7]}), ["key"], 2**32).to_list() == [
        (7 * 11_400_714_819_323_198_485 % 2**64) >> 32
    ]


def test_equal_values_share_a_bucket_whatever_their_type():
    words = pl.DataFrame({"key": ["ants", "bees", None, "ünï", "ants"]})
    found = buckets(words, ["key"], 11)
    assert found.equals(buckets(words.cast(pl.Categorical), ["key"], 11))
    assert found[0] == found[4]
    numbers = pl.DataFrame({"key": [3, -4, None, 2**40]})
    assert buckets(numbers, ["key"], 11)[:3].equals(buckets(numbers[:3].cast(pl.Int16), ["key"], 11))
    assert buckets(words.clear(), ["key"], 11).is_empty()


def test_a_fine_bucket_lies_within_its_coarse_one():
    rows = pl.DataFrame({"key": range(500), "word": [f"w{one}" for one in range(500)]})
    for columns in (["key"], ["word"], ["key", "word"]):
        assert (buckets(rows, columns, 7 * 13) % 7).equals(buckets(rows, columns, 7))


TYPES = [pl.Int64(), pl.Int16(), pl.String(), pl.Categorical(), pl.Float64(), pl.Date(), pl.Null()]


@pytest.mark.parametrize("one", TYPES, ids=str)
@pytest.mark.parametrize("other", TYPES, ids=str)
def test_sources_are_cut_only_where_equal_keys_share_a_bucket(one, other):
    schemas = {"games": pl.Schema({"team": one}), "rosters": pl.Schema({"team": other})}
    keys = pl.Series("team", [None] if pl.Null() in (one, other) else [19_000 + n for n in range(60)])
    words = keys.cast(pl.Int32).cast(pl.String)
    cast = {
        name: (words if schema["team"] == pl.Categorical else keys.cast(pl.Int32)).cast(schema["team"]).to_frame()
        for name, schema in schemas.items()
    }
    first, second = (buckets(rows, ["team"], 11) for rows in cast.values())
    together = view_by("team", ("games", "rosters"))
    if pl.Null() in (one, other):  # there is nothing to part
        assert partition_columns(together, schemas)
    elif first.equals(second):
        assert partition_columns(together, schemas) == {"games": ("team",), "rosters": ("team",)}
        assert partition_columns(view_by(None, ("games", "rosters")), schemas)
    else:
        with pytest.raises(ConfigError, match="keys are of different types"):
            partition_columns(together, schemas)
        assert partition_columns(view_by(None, ("games", "rosters")), schemas) == {}


def test_sources_cut_by_different_numbers_of_columns_are_refused():
    schemas = {name: pl.Schema({"team": pl.String(), "day": pl.Date()}) for name in ("games", "rosters")}
    view = view_by({"games": ("team", "day"), "rosters": ("team",)}, ("games", "rosters"))
    with pytest.raises(ConfigError, match="different numbers of columns"):
        partition_columns(view, schemas)
    whole = view_by({"games": ("team", "day"), "rosters": ()}, ("games", "rosters"))
    assert partition_columns(whole, schemas) == {"games": ("team", "day")}


def test_a_source_is_read_in_chunks_up_to_its_moment(source):
    chunks = [source.frame(start, 170).collect() for start in range(0, 1_000, 170)]
    assert pl.concat(chunks).equals(source.frame().collect())
    assert sum(chunk.height for chunk in chunks) == 600
    assert source.height() == 1_000


def test_views_are_cut_by_their_declaration_or_by_their_entity():
    team, club = pl.Schema({"team": pl.String()}), pl.Schema({"club": pl.String(), "team_id": pl.Int64()})
    assert partition_columns(view_by(), {"games": team}) == {"games": ("team",)}
    assert partition_columns(view_by(), {"games": club}) == {"games": ("team_id",)}
    assert partition_columns(view_by(sources=("games", "trades")), {"games": team, "trades": pl.Schema()}) == {}
    assert partition_columns(view_by("club"), {"games": club}) == {"games": ("club",)}
    assert partition_columns(view_by(()), {"games": team}) == {}
    with pytest.raises(ConfigError, match=r"test_partitions\.py:\d+: .* 'games' has no \['city'\]"):
        partition_columns(view_by("city"), {"games": team})


def test_sources_are_cut_where_they_outgrow_memory_or_workers_wait(source):
    view = view_by()
    assert plan(view, {"games": source}, memory_bytes=10**9) is None
    small = plan(view, {"games": source}, memory_bytes=2_000)
    assert small is not None
    assert small.n_partitions > 8
    assert small.chunk_rows["games"] < 100
    on_a_cluster = plan(view, {"games": source}, memory_bytes=10**9, least=16)
    assert on_a_cluster is not None
    assert (on_a_cluster.n_partitions, on_a_cluster.chunk_rows) == (16, {"games": 62})
    assert plan(view_by(()), {"games": source}, memory_bytes=1, least=16) is None


def test_memory_is_that_of_the_machine():
    assert 10**8 < memory_of_machine() < 10**15


def test_a_difference_is_named_with_column_and_row_and_rounding_is_none():
    keys = ["team"]
    together = pl.DataFrame({"team": ["ants", "bees"], "points": [1.0, None]})
    rounded = together.with_columns(pl.col("points") * (1 + 1e-13))
    assert difference(rounded, together, keys=keys) == ""
    assert difference(together.with_columns(points=1.5), together, keys=keys) == (
        "'points' of team ants is 1.5 in parts, 1.0 at once"
    )
    assert "bees is 2.0" in difference(together.with_columns(pl.col("points").fill_null(2.0)), together, keys=keys)
    assert difference(together[:1], together, keys=keys) == "1 rows in parts, 2 at once"
    assert "other values of team" in difference(together.with_columns(team=pl.lit("x")), together, keys=keys)
