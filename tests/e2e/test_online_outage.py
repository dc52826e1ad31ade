"""Redis killed in the middle of serving: answers go on as declared, and are as before once it is back."""

import json
import threading
import time

import httpx
import pytest
from tests.integration.servers import PASSWORD, redis_server
from tests.projects import questions, serving, wait_until

from assay.ledger.ledger import open_ledger
from assay.serving import log_frames

pytestmark = pytest.mark.slow
SLOWEST_SECONDS = 1.5  # of one answer, while the server dies under load on a busy machine
KNOWN, UNKNOWN = slice(0, 20), slice(20, 25)  # what clients ask for all along, and only while the store is away


class Load:
    """Two clients that ask without a pause; keeps status, states, probabilities and seconds of each answer."""

    def __init__(self, url, rows):
        self.answers, self.url, self.rows = [], url, rows
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(2)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        for thread in self._threads:
            thread.join(20)

    def _ask(self, number):
        with httpx.Client(timeout=20) as client:
            while not self._done.is_set():
                row = self.rows[(len(self.answers) + number) % len(self.rows)]
                started = time.monotonic()
                answer = client.post(f"{self.url}/predict", json={"rows": [row]})
                self.answers.append((started, time.monotonic() - started, row["customer_id"], *said(answer)))
                time.sleep(0.005)


def said(answer):
    """Status, states and probability of an answer."""
    if answer.status_code != 200:
        return answer.status_code, answer.json()["detail"], None
    (prediction,) = answer.json()["predictions"]
    return 200, prediction.get("states", {}), prediction["probability"]


def ask(url, row):
    return said(httpx.post(f"{url}/predict", json={"rows": [row]}, timeout=20))


def metric(url, name):
    lines = httpx.get(f"{url}/metrics", timeout=20).text.splitlines()
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)}


@pytest.fixture(scope="module")
def redis():
    with redis_server() as running:
        yield running


@pytest.mark.parametrize("policy", ["stale", "missing", "error"])
def test_redis_killed_in_the_middle_of_serving(churn, redis, policy):
    rows = questions(churn, 25)
    settings = ("--set", f"stores.online={redis.url()}", "--set", f"serving.unavailable={policy}")
    with serving(churn, *settings) as (url, _):
        before = {row["customer_id"]: ask(url, row) for row in rows[KNOWN]}
        with Load(url, rows[KNOWN]) as load:
            time.sleep(0.5)
            killing = time.monotonic()
            redis.stop()
            killed = time.monotonic()
            wait_until(lambda: metric(url, "assay_online_up") == {"assay_online_up": 0.0}, seconds=10)
            away = {row["customer_id"]: ask(url, row) for row in rows}
            time.sleep(1)
            redis.start()
            restarted = time.monotonic()
            wait_until(lambda: metric(url, "assay_online_up") == {"assay_online_up": 1.0}, seconds=10)
            back = time.monotonic()
            time.sleep(0.5)
        after = {row["customer_id"]: ask(url, row) for row in rows[KNOWN]}
        counted = metric(url, "assay_feature_states_total")
        assert metric(url, "assay_online_outages") == {"assay_online_outages": 1.0}
    assert after == before
    assert all(answer[0] == 200 for answer in before.values())
    check_away[policy](before, away, rows)
    during = [one for one in load.answers if killed + 1 < one[0] < restarted]
    assert during
    assert {one[3] for one in load.answers} == ({200, 503} if policy == "error" else {200})
    quiet = [one for one in load.answers if one[0] + one[1] < killing or one[0] > back]
    assert all(one[3:] == before[one[2]] for one in quiet)
    assert max(one[1] for one in load.answers) < SLOWEST_SECONDS
    if policy != "error":
        assert counted[f'assay_feature_states_total{{state="{"stale" if policy == "stale" else "unavailable"}"}}'] > 0
    recorded(churn, policy)


def states_of(answers):
    return [set(states.values()) for _, states, _ in answers]


def check_stale(before, away, rows):
    """The values read last, marked; what nobody has read is told apart from what nobody knows."""
    known, unknown = (list({row["customer_id"] for row in rows[part]}) for part in (KNOWN, UNKNOWN))
    assert {customer: away[customer][2] for customer in known} == {customer: before[customer][2] for customer in known}
    assert all("stale" in states for states in states_of(away[customer] for customer in known))
    assert all("unavailable" in states for states in states_of(away[customer] for customer in unknown))


def check_missing(before, away, rows):
    """Nulls for all that is looked up."""
    assert all(status == 200 for status, _, _ in away.values())
    assert all(states == {"unavailable"} for states in states_of(away.values()))
    assert any(away[row["customer_id"]][2] != before[row["customer_id"]][2] for row in rows[KNOWN])


def check_error(before, away, rows):
    """Status 503, without the password in what it says."""
    assert {status for status, _, _ in away.values()} == {503}
    assert all("does not answer" in detail and PASSWORD not in detail for _, detail, _ in away.values())


check_away = {"stale": check_stale, "missing": check_missing, "error": check_error}


def recorded(folder, policy):
    """The ledger has the outage once, from its beginning to its end; the log says which answers went without."""
    ledger = open_ledger(folder / ".assay" / "ledger.db")
    begun, over = ledger.find(kind="serving.online_store")
    ledger.close()
    assert (begun.verdict, begun.figures["away"], begun.figures["unavailable"]) == ("warn", True, policy)
    assert (over.verdict, over.figures["away"]) == ("info", False)
    assert over.figures["seconds"] > 1
    assert over.figures["reads"] > 10
    assert PASSWORD not in json.dumps([begun.to_json(), over.to_json()])
    logged = log_frames.predictions(folder / ".assay" / "predictions").collect()["states"]
    assert logged.null_count() > 0
    word = {"stale": "stale", "missing": "unavailable"}.get(policy)
    assert word is None or logged.str.contains(f"={word}").fill_null(value=False).sum() > 10
