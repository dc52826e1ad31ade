"""All nine leakage checks on real data: each passes it as it is, and names the leak that is planted in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler, TargetEncoder

from assay.config.settings import Source, Split, Target
from assay.data import holdout, leakage, sources, splits
from assay.errors import LeakageFound
from assay.ledger.evidence import Evidence
from assay.models.frame import LabelledFrame

POST_OUTCOME = (
    "is_recid", "r_case_number", "r_charge_degree", "r_days_from_arrest", "r_offense_date", "r_charge_desc",
    "r_jail_in", "r_jail_out", "vr_case_number", "vr_charge_degree", "vr_offense_date", "vr_charge_desc", "event",
    "end", "two_year_recid_again",
)  # fmt: skip
MAY_BE_HONEST = ("event", "end")  # a flag with an AUC of 0.88 and a range of 0.93


@dataclass(frozen=True, slots=True)
class Data:
    """A public data set as a project would declare it.

    Attributes:
        rows: One row a prediction, the label 0 or 1.
        time: Column with the prediction time; None where there is none.
        features: Known before the outcome.
        number: One of them, a number.
        category: One of them, words.
        details: Further columns in which rows differ.
    """

    rows: pl.DataFrame
    key: str
    label: str
    time: str | None
    features: tuple[str, ...]
    number: str
    category: str
    details: tuple[str, ...] = ()

    @property
    def frame(self) -> LabelledFrame:
        return LabelledFrame(self.rows, self.key, self.label, self.features, self.time)

    def cut(self, rows: pl.DataFrame | None = None, *, group: str | None = None, **split: object) -> splits.Cut:
        whole = self.rows if rows is None else rows
        return splits.cut(whole, key=self.key, time=self.time, group=group, split=Split(**split))


def read_nba(folder: Path) -> Data:
    source = Source(path="nba_elo/nbaallelo.parquet", time="date_game", time_format="%m/%d/%Y")
    games = sources.read("games", source, folder).filter((pl.col("_iscopy") == 0) & (pl.col("year_id") >= 2000))
    rows = games.with_columns(y=(pl.col("game_result") == "W").cast(pl.Int8)).collect()
    features = ("elo_i", "opp_elo_i", "is_playoffs", "fran_id", "opp_fran")
    return Data(rows, "game_id", "y", "event_time", features, "elo_i", "fran_id")


def read_telco(folder: Path) -> Data:
    source = Source(path="telco_churn/Telco-Customer-Churn.csv")
    told = sources.read("telco", source, folder).with_columns(
        pl.col("TotalCharges").cast(pl.Float64, strict=False), y=(pl.col("Churn") == "Yes").cast(pl.Int8)
    )
    features = (
        "gender", "SeniorCitizen", "Partner", "Dependents", "tenure", "Contract", "PaymentMethod", "InternetService",
        "MonthlyCharges", "TotalCharges", "PaperlessBilling", "TechSupport", "OnlineSecurity", "MultipleLines",
    )  # fmt: skip
    return Data(told.collect(), "customerID", "y", None, features, "MonthlyCharges", "PaymentMethod")


def read_compas(folder: Path) -> Data:
    path = folder / "compas" / "compas-scores-two-years.csv"  # two of its columns share their names with others
    screened = pl.col("compas_screening_date").str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC")
    read = pl.read_csv(path, infer_schema_length=None)
    told = read.with_columns(event_time=screened, two_year_recid_again="two_year_recid")
    features = (
        "sex", "age", "race", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count", "c_charge_degree",
        "c_charge_desc", "days_b_screening_arrest",
    )  # fmt: skip
    return Data(
        told,
        "id",
        "two_year_recid",
        "event_time",
        features,
        "priors_count",
        "c_charge_degree",
        ("c_jail_in", "c_jail_out"),
    )


READERS = {"nba": read_nba, "telco": read_telco, "compas": read_compas}


@pytest.fixture(scope="module", params=READERS)
def data(request, assay_data) -> Data:
    try:
        return READERS[request.param](assay_data)
    except FileNotFoundError as absent:
        pytest.skip(f"the data set is not there: {absent}")


def time_travel(data: Data, leak: bool) -> Evidence:
    """LK-1: the mean of a number so far, or with what comes later."""
    if data.time is None:
        pytest.skip("rows without a prediction time have no later")

    def so_far(rows: pl.DataFrame) -> pl.DataFrame:
        earlier = (
            rows.group_by(data.time, data.category).agg(n=pl.len(), total=pl.col(data.number).sum()).sort(data.time)
        )
        before = [pl.col(name).cum_sum().shift(1).over(data.category) for name in ("total", "n")]
        return rows.join(earlier.with_columns(before), on=[data.time, data.category], maintain_order="left").select(
            data.key, mean=pl.col("total") / pl.col("n")
        )

    def recompute(moment: datetime, asked: pl.DataFrame) -> pl.DataFrame:
        known = data.rows.filter(pl.col(data.time) < moment)
        means = known.group_by(data.category).agg(mean=pl.col(data.number).mean())
        return asked.select(data.key, data.category).join(means, on=data.category, how="left").drop(data.category)

    everything = data.rows.select(data.key, mean=pl.col(data.number).mean().over(data.category))
    stored = data.rows.join(everything if leak else so_far(data.rows), on=data.key, maintain_order="left")
    frame = LabelledFrame(stored, data.key, data.label, ("mean",), data.time)
    return leakage.check_time_travel(frame, recompute=recompute, sample=500, rng=np.random.default_rng(0))


def order(data: Data, leak: bool) -> Evidence:
    """LK-2: fitted on the training part after the split, or on everything."""
    cut = data.cut()
    rows = data.rows if leak else cut.train
    records = [cut.evidence, Evidence("training.search", "search:s", "pass", "fitted")]
    return leakage.check_order(records, used={"train": splits.keys_digest(rows[data.key])})


def target_encoding(data: Data, leak: bool) -> Evidence:
    """LK-3: the encoder's own cross-fitted values, or those of all rows."""
    rows = data.rows.filter(pl.col(data.category).is_not_null())
    truth, column = rows[data.label].to_numpy(), rows[data.category].cast(pl.String).to_numpy()[:, None]
    folds, cut = np.empty(len(truth), dtype=int), StratifiedKFold(5, shuffle=True, random_state=0)
    for number, (_, held) in enumerate(cut.split(truth, truth)):
        folds[held] = number
    encoder = TargetEncoder(cv=cut, target_type="binary")
    crossed = encoder.fit_transform(column, truth).ravel()
    values = encoder.transform(column).ravel() if leak else crossed
    return leakage.check_target_encoding(values, rows[data.category], truth, folds)


def target_derived(data: Data, leak: bool) -> Evidence:
    """LK-4 by score: the features as they are, or with the label under another name."""
    rows = data.rows.with_columns(settled=pl.col(data.label))
    features = (*data.features, "settled") if leak else data.features
    return leakage.check_target_derived(LabelledFrame(rows, data.key, data.label, features), task="classification")


def inputs(data: Data, leak: bool) -> Evidence:
    """LK-4 by lineage of inputs: what is known before, or a column that the label is made of."""
    raw = data.rows.rename({data.label: "truth"})
    source = Source(path="x.csv", key=(data.key,), known_before=tuple(dict.fromkeys([data.number, data.category])))
    given = pl.col("truth").alias("settled") if leak else pl.col(data.number).alias("settled")
    target = Target(source="s", label="label", key=data.key, inputs=("settled",))
    frame = raw.select(data.key, data.number, data.category, "truth").lazy()

    def label_rows(one: pl.LazyFrame) -> pl.DataFrame:
        return one.with_columns(given, label=pl.col("truth")).collect()

    return leakage.check_inputs(label_rows, frame, source=source, target=target, rng=np.random.default_rng(0))


def lineage(data: Data, leak: bool) -> Evidence:
    """LK-4 by lineage of features: a mean of a number by category, or of an outcome."""
    rows = data.rows.with_columns(__own__=pl.col(data.label).cast(pl.Float64))
    column = "__own__" if leak else data.number

    def recompute(source: pl.DataFrame, asked: pl.DataFrame, _moment: object) -> pl.DataFrame:
        means = source.group_by(data.category).agg(category_mean=pl.col(column).mean())
        return asked.select(data.key, data.category).join(means, on=data.category, how="left", maintain_order="left")

    stored = recompute(rows, rows, None).select("category_mean")
    frame = LabelledFrame(pl.concat([rows, stored], how="horizontal"), data.key, data.label, ("category_mean",))
    return leakage.check_lineage(
        frame, rows, outcomes=[data.label, "__own__"], recompute=recompute, rng=np.random.default_rng(0)
    )


def split_by_time(data: Data, leak: bool) -> Evidence:
    """LK-5: cut as the data demands, or at random though there is a time."""
    if data.time is None:
        pytest.skip("rows without a prediction time may be cut at random")
    try:
        cut = data.cut(by="random") if leak else data.cut()
    except LeakageFound as refusal:
        return Evidence("leakage.split", "split:rows", "fail", str(refusal))
    return leakage.check_split(cut, key=data.key, time=data.time, group=None)


def sealed(data: Data, leak: bool, folder: Path) -> Evidence:
    """LK-6: the holdout opened once, or once more after some of its rows were left out."""
    records: list[Evidence] = []
    whole = data.cut().holdout
    for rows in (whole, whole[10:]) if leak else (whole,):
        closed = holdout.seal(rows, folder)
        counted = holdout.count_openings(closed, folder, records, key=data.key, model="m")
        holdout.open_sealed(
            closed, folder, record=lambda one: records.append(one) or one, reason="exam", openings=counted, model="m"
        )
    return records[-1]


def duplicates(data: Data, leak: bool) -> Evidence:
    """LK-7: rows as they are, or some of them twice."""
    rows = pl.concat([data.rows, data.rows[:50]]) if leak else data.rows
    return leakage.check_duplicates(rows, key=data.key)


def twins(data: Data, leak: bool) -> Evidence:
    """LK-7: train and validation as they are, or with a tenth of training rows under new keys in validation."""
    cut = data.cut()
    validation = cut.validation
    if leak:
        few = cut.train[: validation.height // 10].with_columns(pl.col(data.key).reverse())
        validation = pl.concat([validation, few])
    frame = LabelledFrame(data.rows, data.key, data.label, (*data.features, *data.details), data.time)
    return leakage.check_groups(frame.take(cut.train), frame.take(validation))


def group_on_both_sides(data: Data, leak: bool) -> Evidence:
    """LK-7: groups kept on one side, or a random cut where a group is declared."""
    timeless = data.rows.with_columns(__group__=pl.int_range(pl.len()) // 20)
    how = Split(by="random") if leak else Split(by="group")
    cut = splits.cut(timeless, key=data.key, time=None, group="__group__", split=how)
    return leakage.check_split(cut, key=data.key, time=None, group="__group__")


def fitted(data: Data, leak: bool) -> Evidence:
    """LK-8: a scaler of the training part, or of everything."""
    train = data.cut().train

    def learnt(rows: pl.DataFrame) -> dict[str, np.ndarray]:
        scaler = StandardScaler().fit(rows[data.number].cast(pl.Float64).drop_nulls().to_numpy()[:, None])
        return {f"{data.number}.mean": scaler.mean_, f"{data.number}.scale": scaler.scale_}

    return leakage.check_fitted_on_train(learnt(data.rows if leak else train), learnt(train))


def generation(data: Data, leak: bool) -> Evidence:
    """LK-9: keys as they are, or numbers that were given out by class."""
    frame = data.frame
    if leak:
        by_class = pl.col(data.label).rank("ordinal", descending=True).cast(pl.Int64)
        frame = LabelledFrame(
            data.rows.with_columns(number=by_class), "number", data.label, (*data.features, "number"), data.time
        )
    return leakage.check_generation(frame, task="classification", rng=np.random.default_rng(0))


Checked = Callable[[Data, bool], Evidence]
TABLE: dict[str, tuple[Checked, str]] = {
    "LK-1 time travel": (time_travel, "'mean' uses what was not yet known"),
    "LK-2 order": (order, "the train rows in use are not those of the split"),
    "LK-3 target encoding": (target_encoding, "learnt from all rows, its own among them"),
    "LK-4 score": (target_derived, "'settled' alone tells the label"),
    "LK-4 inputs": (inputs, "input 'settled' depends on 'truth'"),
    "LK-4 lineage": (lineage, "'category_mean' derives from the outcome"),
    "LK-5 split": (split_by_time, "refused, because the rows have a prediction time"),
    "LK-7 duplicates": (duplicates, "should name one row, but"),
    "LK-7 twins": (twins, "have every feature of a training row with another"),
    "LK-7 group": (group_on_both_sides, "values of '__group__' are in more than one part"),
    "LK-8 fitted": (fitted, "not fitted on the training part alone"),
    "LK-9 generation": (generation, "the number in 'number'"),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_data_as_it_is_passes(data, name):
    check, _ = TABLE[name]
    found = check(data, leak=False)
    assert found.verdict in ("pass", "info"), found.summary


@pytest.mark.parametrize("name", TABLE)
def test_a_planted_leak_is_named_with_its_reason(data, name):
    check, says = TABLE[name]
    found = check(data, leak=True)
    assert found.verdict == ("warn" if name == "LK-7 twins" else "fail"), found.summary
    assert says in found.summary


def test_a_holdout_opened_again_warns_with_a_corrected_level(data, tmp_path):
    once = sealed(data, leak=False, folder=tmp_path / "once")
    assert (once.verdict, once.figures["interval_level"]) == ("info", 0.95)
    again = sealed(data, leak=True, folder=tmp_path / "again")
    assert (again.verdict, again.figures["opening"]) == ("warn", 2)
    assert "intervals need level 0.9750" in again.summary


@pytest.mark.parametrize("column", POST_OUTCOME)
def test_what_is_known_after_the_outcome_is_named_when_it_is_an_input(assay_data, column):
    compas = read_compas(assay_data)
    frame = LabelledFrame(compas.rows, compas.key, compas.label, (*compas.features, column))
    found = leakage.check_target_derived(frame, task="classification")
    assert found.verdict == ("warn" if column in MAY_BE_HONEST else "fail"), found.summary
    assert {name for one in found.figures["findings"] for name in one["columns"]} == {column}


def test_the_same_fields_are_refused_where_features_are_looked_up_by_person(assay_data):
    compas = read_compas(assay_data)
    frame = LabelledFrame(compas.rows, compas.key, compas.label, (*compas.features, *POST_OUTCOME))
    found = leakage.check_generation(frame, task="classification", rng=np.random.default_rng(0))
    assert found.verdict == "fail"
    assert "whether 'r_charge_degree' is missing" in [one["trace"] for one in found.figures["findings"]]
