"""A file is predicted once a row, in order, and an interrupted run goes on where it stopped."""

from pathlib import Path

import polars as pl
import pytest

from assay.errors import DataError, UsageError
from assay.serving.batch import predict_file
from assay.serving.predictor import Predictor


@pytest.fixture
def source(tmp_path: Path, frame: pl.DataFrame) -> Path:
    path = tmp_path / "rows.parquet"
    frame.with_row_index("game").write_parquet(path, row_group_size=50)
    return path


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_rows_keep_their_order_and_columns_and_get_the_models_scores(
    tmp_path: Path, source: Path, predictor: Predictor, frame: pl.DataFrame, kind: str
):
    output = tmp_path / f"out.{kind}"
    done = predict_file(source, output, predictor=predictor, chunk_rows=90)
    written = pl.read_parquet(output) if kind == "parquet" else pl.read_csv(output)
    assert (done.rows, done.resumed_rows) == (400, 0)
    assert written.columns == ["game", "points", "home", "league", "value", "probability", "model"]
    assert written["game"].to_list() == list(range(400))
    assert written["probability"].to_list() == pytest.approx(predictor.model.predict(frame))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([output.name, "rows.parquet"])


def test_features_are_looked_up_where_the_file_has_only_keys(tmp_path: Path, predictor: Predictor):
    source = tmp_path / "keys.csv"
    source.write_text("team,home,note\nlions,true,a\nbears,false,b\nnobody,true,c\n")
    predict_file(source, tmp_path / "out.csv", predictor=predictor)
    written = pl.read_csv(tmp_path / "out.csv")
    rows = [{"team": "lions", "home": True}, {"team": "bears", "home": False}, {"team": "nobody", "home": True}]
    assert written["probability"].to_list() == pytest.approx([one.probability for one in predictor.predict(rows)])
    assert written["note"].to_list() == ["a", "b", "c"]


def test_an_interrupted_run_is_resumed_and_no_row_is_done_twice(tmp_path: Path, source: Path, predictor: Predictor):
    class Interrupted(Exception):
        pass

    def stop(rows: int) -> None:
        if rows >= 200:
            raise Interrupted

    with pytest.raises(Interrupted):
        predict_file(source, tmp_path / "out.parquet", predictor=predictor, chunk_rows=100, progress=stop)
    assert not (tmp_path / "out.parquet").exists()
    done = predict_file(source, tmp_path / "out.parquet", predictor=predictor, chunk_rows=100)
    assert done.rows == 400
    assert done.resumed_rows >= 200
    assert pl.read_parquet(tmp_path / "out.parquet")["game"].to_list() == list(range(400))


def test_a_missing_column_or_one_of_ours_is_named(tmp_path: Path, predictor: Predictor):
    source = tmp_path / "rows.csv"
    source.write_text("team,value\nlions,1\n")
    with pytest.raises(DataError, match="'value'"):
        predict_file(source, tmp_path / "out.csv", predictor=predictor)
    source.write_text("team\nlions\n")
    with pytest.raises(DataError, match="lacks columns \\['home'\\]"):
        predict_file(source, tmp_path / "out.csv", predictor=predictor)
    with pytest.raises(UsageError, match="existing"):
        predict_file(tmp_path / "rows.xlsx", tmp_path / "out.csv", predictor=predictor)
    source.write_text("team,home\nlions,true\n")
    with pytest.raises(UsageError, match="must end in"):
        predict_file(source, tmp_path / "out.xlsx", predictor=predictor)


def test_a_file_without_rows_gives_a_file_without_rows(tmp_path: Path, predictor: Predictor):
    source = tmp_path / "none.parquet"
    pl.DataFrame(schema={"points": pl.Float64, "home": pl.Boolean, "league": pl.String}).write_parquet(source)
    assert predict_file(source, tmp_path / "out.parquet", predictor=predictor).rows == 0
    assert pl.read_parquet(tmp_path / "out.parquet").columns[-3:] == ["value", "probability", "model"]
