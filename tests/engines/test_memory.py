"""A source larger than the memory that may be held is worked on in partitions, and memory stays that of one."""

import json
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

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
