"""What the service counts about itself, in the Prometheus format: additions while serving, formatting at scrape."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

BOUNDS_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Upper ends of the latency buckets; 0.1 s is the limit that the specification sets for p99."""

Gauge = tuple[str, str, Callable[[], float]]


class Measures:
    """Counts of one service; only its event loop writes them."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, int]] = Counter()
        self.predictions: Counter[tuple[str, str]] = Counter()
        self.feature_states: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()
        self.swaps: Counter[str] = Counter()
        self.broken: Counter[tuple[str, str, str, str]] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()
        self._gauges: list[Gauge] = []
        self._model = ""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count one exchange; `path` is a route, never the client's text."""
        self.requests[path, status] += 1
        buckets = self._buckets.get(path)
        if buckets is None:
            buckets = self._buckets[path] = [0] * (len(BOUNDS_SECONDS) + 1)
        buckets[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self._seconds[path] += seconds  # type: ignore[assignment]

    def predicted(self, version: str, states: Sequence[Mapping[str, str]]) -> None:
        """Count predictions of a version, and what was wrong with the features that were looked up for each."""
        self.predictions[version, "model"] += len(states)
        for one in states:
            if one:
                self.feature_states.update(set(one.values()))

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """Show a number that is read at scrape time."""
        self._gauges.append((name, help_text, read))

    def serves(self, model: str) -> None:
        """Note which version answers; empty for none."""
        self._model = model

    def exposition(self) -> bytes:
        """All of it as text for Prometheus."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks of a collector."""
        yield _counter("assay_requests", "Requests by route and status.", ("path", "status"), self.requests)
        yield _counter("assay_predictions", "Predictions by version and source.", ("model", "source"), self.predictions)
        states = {(state,): n for state, n in self.feature_states.items()}
        yield _counter("assay_feature_states", "Predictions with features in that state.", ("state",), states)
        labels = {(outcome,): n for outcome, n in self.labels.items()}
        yield _counter("assay_labels", "Labels received, by what became of them.", ("outcome",), labels)
        swaps = {(outcome,): n for outcome, n in self.swaps.items()}
        yield _counter("assay_swaps", "Changes of the version that answers, by outcome.", ("outcome",), swaps)
        names = ("column", "rule", "severity", "outcome")
        yield _counter(
            "assay_broken_expectations", "Rows that break a declared rule, by what became of them.", names, self.broken
        )
        yield self._latency()
        model = GaugeMetricFamily("assay_model", "1 for the version that answers.", labels=("model",))
        if self._model:
            model.add_metric((self._model,), 1)
        yield model
        for name, help_text, read in self._gauges:
            yield GaugeMetricFamily(name, help_text, value=read())

    def _latency(self) -> HistogramMetricFamily:
        family = HistogramMetricFamily("assay_request_seconds", "Time from request to answer.", labels=("path",))
        for path, counts in self._buckets.items():
            running, cumulative = 0, []
            for bound, count in zip([*map(str, BOUNDS_SECONDS), "+Inf"], counts, strict=True):
                running += count
                cumulative.append((bound, running))
            family.add_metric((path,), cumulative, self._seconds[path])
        return family


def _counter(name: str, help_text: str, labels: tuple[str, ...], counts: Mapping[Any, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=labels)
    for values, count in counts.items():
        family.add_metric(tuple(map(str, values)), count)
    return family
