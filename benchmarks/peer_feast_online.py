"""The peer of B3: Feast reading the same rows from its own online store. Run by the interpreter that has it."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROUNDS = 5


def main(data: str, online_store: str, calls: str) -> None:
    """Write the rows, check what is read, and print seconds by number of entities, a list of medians."""
    import numpy as np
    import pandas as pd
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
    from feast.repo_config import RepoConfig
    from feast.types import Float64

    frame = pd.read_parquet(data)
    names = [name for name in frame.columns if name not in ("driver", "event_timestamp")]
    with tempfile.TemporaryDirectory() as folder:
        config = RepoConfig(
            project=f"b03_{len(names)}",
            provider="local",
            registry=str(Path(folder) / "registry.db"),
            offline_store={"type": "file"},
            online_store=json.loads(online_store),
            entity_key_serialization_version=3,
        )
        store = FeatureStore(config=config)
        driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
        view = FeatureView(
            name="values",
            entities=[driver],
            ttl=timedelta(days=3_650),
            schema=[Field(name=name, dtype=Float64) for name in names],
            source=FileSource(path=data, timestamp_field="event_timestamp"),
        )
        store.apply([driver, view])
        store.write_to_online_store("values", frame)
        wanted = [f"values:{name}" for name in names]

        def read(rows: list[dict[str, int]]) -> dict[str, list[float]]:
            found: dict[str, list[float]] = store.get_online_features(features=wanted, entity_rows=rows).to_dict()
            return found

        found = read([{"driver": 17}])
        if not np.array_equal([found[name][0] for name in names], frame.loc[frame.driver == 17, names].to_numpy()[0]):
            sys.exit("feast gives other values than were written")
        rng = np.random.default_rng(0)
        seconds: dict[str, list[float]] = {}
        for size, n_calls in json.loads(calls).items():
            for number in range(ROUNDS + 1):
                taken = []
                for _ in range(n_calls):
                    rows = [{"driver": int(key)} for key in rng.choice(len(frame), int(size), replace=False)]
                    begin = time.perf_counter()
                    read(rows)
                    taken.append(time.perf_counter() - begin)
                if number:
                    seconds.setdefault(size, []).append(statistics.median(taken))
    print(json.dumps(seconds))
