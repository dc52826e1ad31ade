"""What serving does while the online store's server is away: what requests get, how it is filled, what is recorded."""

from __future__ import annotations

import logging

from assay.features.online import Fallback
from assay.features.pushing import push, pushed
from assay.ledger.evidence import Evidence, Verdict
from assay.pipelines.workspace import Workspace
from assay.serving.measures import Measures
from assay.stores.online import OnlineStore
from assay.stores.online_guard import Outage

logger = logging.getLogger(__name__)

KIND = "serving.online_store"
SAID = {
    "stale": "requests get the values read last",
    "missing": "requests get nulls for its features",
    "error": "requests that need it get status 503",
}


def fallback(workspace: Workspace) -> Fallback | None:
    """Where values come from during an outage, by `serving.unavailable`; None: the request is refused."""
    policy = workspace.settings.serving.unavailable
    if policy == "error" or workspace.online_guard is None:
        return None
    if policy == "stale" and workspace.online_cache is not None:
        return workspace.online_cache.remembered
    return lambda wanted: [[None] * len(keys) for _, keys in wanted]


def watch(workspace: Workspace, measures: Measures) -> None:
    """From now on let a thread mend outages, record them, and show the store and its memory in the metrics."""
    guard, cache = workspace.online_guard, workspace.online_cache
    if guard is not None:
        guard.watch(mend=lambda store: mend(workspace, store), told=lambda outage: tell(workspace, outage))
        measures.gauge("assay_online_up", "1 while the online store answers.", lambda: float(not guard.is_away))
        measures.gauge("assay_online_outages", "Times that the online store went away.", lambda: guard.n_outages)
        measures.gauge(
            "assay_online_failed_reads", "Reads that went without the online store.", lambda: guard.n_failed_reads
        )
    if cache is not None:
        counts = cache.counts
        measures.gauge("assay_online_cache_rows", "Entity rows in memory.", lambda: cache.n_rows)
        measures.gauge("assay_online_cache_hits", "Rows answered from memory.", lambda: counts.hits)
        measures.gauge("assay_online_cache_misses", "Rows read from the store.", lambda: counts.misses)
        measures.gauge("assay_online_cache_evicted", "Rows pushed out of memory.", lambda: counts.evicted)
        measures.gauge("assay_online_cache_hit_rate", "Share answered from memory.", lambda: counts.hit_rate)


def mend(workspace: Workspace, store: OnlineStore) -> None:
    """End an outage: fill the store, and let nothing that is in memory answer for it.

    Raises:
        ServiceUnreachable: It is not back.
    """
    fill(workspace, store)
    if workspace.online_cache is not None:
        workspace.online_cache.distrust()


def fill(workspace: Workspace, store: OnlineStore) -> None:
    """Bring a store up to the offline tables: a server may have lost everything, or the last builds.

    While somebody builds, only views of which it has no build are filled: the builder sees to the rest, and the two
    must not replace a view at once.

    Raises:
        ServiceUnreachable: It does not answer.
    """
    store.forget_losses()
    with workspace.alone_if_free("filling the online store") as is_alone:
        for view in workspace.definitions.views:
            arrived = pushed(view, store)
            if is_alone or arrived is None or arrived.build == 0:
                push(view, tables=workspace.tables, online=store)


def tell(workspace: Workspace, outage: Outage) -> None:
    """Record an outage when it begins and when it is over, and say so in the log."""
    policy = workspace.settings.serving.unavailable
    if outage.seconds is None:
        summary = f"the online store is away, {SAID[policy]}: {outage.problem}"
        logger.warning(summary)
    else:
        summary = f"the online store is back after {outage.seconds:.1f} s; {outage.n_reads:,} reads went without it"
        logger.info(summary)
    figures = {
        "away": outage.seconds is None,
        "unavailable": policy,
        "problem": outage.problem,
        "reads": outage.n_reads,
        "seconds": outage.seconds,
    }
    verdict: Verdict = "warn" if outage.seconds is None else "info"
    workspace.ledger.record(Evidence(KIND, "store:online", verdict, summary, figures))
