"""Sources larger than the memory that may be held: flat memory, and nothing half stored by a build that is killed."""

import json
import subprocess
import sys
import time

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assay.features import offline
from assay.features.definitions import load_definitions
from assay.features.materialize import compute
from assay.stores.tables import open_tables

N_ROWS, ROWS_PER_PIECE = 10_000_000, 1_000_000
HELD_MB = 32  # of the source, by the setting
MOST_MB = 450  # of the process in all; Python with Polars and Delta alone takes about 140
DEFINITIONS = """
import polars as pl
import assay

@assay.feature_view(entity="customer", source="purchases", features={"customer_amount_all_sum": "Money spent so far"})
def spending(purchases):
    return purchases.sort("known_at").select(
        "known_at",
        customer=pl.col("customer_id"),
        customer_amount_all_sum=pl.col("amount").cum_sum().over("customer_id"),
    )
"""
BUILD = """
import json, sys
from pathlib import Path
import polars as pl
from assay.engines import open_engine
from assay.features.definitions import load_definitions
from assay.features.partitioned_build import build_partitioned
from assay.features.partitions import SourceFile, plan
from assay.stores.online import open_online
from assay.stores.tables import open_tables

folder, held = Path(sys.argv[1]), int(sys.argv[2])
view = load_definitions(folder / "definitions.py").views[0]
files = {"purchases": SourceFile(str(folder / "purchases.parquet"))}
done = build_partitioned(
    view,
    files,
    plan=plan(view, files, memory_bytes=held),
    engine=open_engine("local"),
    tables=open_tables(folder / "tables"),
    online=open_online(folder / "online.db"),
    exchange=folder / "exchange",
)
status = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
print(json.dumps({"peak_mb": peak, "rows": done.rows_written, "entities": done.rows_pushed}))
"""


@pytest.mark.slow
def test_a_build_that_is_killed_leaves_no_part_of_a_view(tmp_path):
    rng = np.random.default_rng(1)
    known_at = pl.Series(1_600_000_000_000_000 + 1_000_000 * np.arange(400_000)).cast(pl.Datetime("us", "UTC"))
    columns = {"customer_id": rng.integers(0, 5_000, 400_000), "amount": rng.integers(0, 100, 400_000)}
    pl.DataFrame({"known_at": known_at, **columns}).write_parquet(tmp_path / "purchases.parquet", row_group_size=20_000)
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    command = [sys.executable, "-c", BUILD, str(tmp_path), "1000000"]
    view, tables = load_definitions(tmp_path / "definitions.py").views[0], open_tables(tmp_path / "tables")
    met = set()
    for _ in range(4):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for_pieces(tmp_path / "exchange", process, seconds=float(rng.uniform(0, 1.5)))
        process.kill()
        met.add(process.wait())
        state = offline.state_of(view, tables)
        assert state is None or offline.stored(view, tables).frame.select(pl.len()).collect().item() == 400_000
    assert -9 in met
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)
    expected = compute(view, {"purchases": pl.scan_parquet(tmp_path / "purchases.parquet")})
    assert_frame_equal(offline.stored(view, tables).frame.collect(), expected, check_exact=True)


def wait_for_pieces(exchange, process, *, seconds):
    """Until the build has begun to cut its source, and some time longer."""
    n_before = len(list(exchange.glob("*")))
    give_up = time.monotonic() + 60
    while len(list(exchange.glob("*"))) == n_before and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.02)
    time.sleep(seconds)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read where Linux says it")
def test_a_source_larger_than_the_memory_held_is_built_in_flat_memory(tmp_path):
    def piece(number):
        rng = np.random.default_rng(number)
        moments = 1_600_000_000_000_000 + 1_000_000 * np.arange(number * ROWS_PER_PIECE, (number + 1) * ROWS_PER_PIECE)
        columns = {f"other_{name}": rng.random(ROWS_PER_PIECE) for name in "abcd"}
        return pl.DataFrame(
            {
                "known_at": pl.Series(moments).cast(pl.Datetime("us", "UTC")),
                "customer_id": rng.integers(0, 50_000, ROWS_PER_PIECE),
                "amount": rng.integers(0, 100, ROWS_PER_PIECE),
                **columns,
            }
        )

    for number in range(N_ROWS // ROWS_PER_PIECE):
        piece(number).write_parquet(tmp_path / f"piece-{number:02d}.parquet", compression="uncompressed")
    pl.scan_parquet(tmp_path / "piece-*.parquet").sink_parquet(tmp_path / "purchases.parquet", row_group_size=65_536)
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    command = [sys.executable, "-c", BUILD, str(tmp_path), str(HELD_MB * 1_000_000)]
    done = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=250).stdout)
    in_memory_mb = N_ROWS * 7 * 8 / 1e6
    assert done["peak_mb"] < MOST_MB < in_memory_mb
    assert (done["rows"], done["entities"]) == (N_ROWS, 50_000)
    stored = pl.scan_parquet(tmp_path / "tables" / "features_spending" / "*.parquet")
    last = stored.group_by("customer").agg(pl.col("customer_amount_all_sum").max()).sort("customer")
    spent = pl.scan_parquet(tmp_path / "purchases.parquet").group_by(customer="customer_id").agg(pl.col("amount").sum())
    assert last.collect(engine="streaming")["customer_amount_all_sum"].equals(
        spent.sort("customer").collect(engine="streaming")["amount"].alias("customer_amount_all_sum")
    )
