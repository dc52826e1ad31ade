"""Fields out of text: a real server of the protocol is asked once a text, told the schema, and not believed blindly."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import polars as pl
import pytest

from assay.errors import DataError, UsageError
from assay.features.extraction import Extractor, Field

FIELDS = {
    "topic": Field("category", "What it is about", choices=("billing", "delivery")),
    "is_angry": Field("flag", "Whether the writer is angry"),
    "amount": Field("number", "The amount in EUR"),
}


def read(text):
    """What a perfect reader says, and what a careless one adds."""
    if "nonsense" in text:
        return {"topic": "weather", "is_angry": "yes", "amount": "ten", "more": 1}
    return {
        "topic": "billing" if "bill" in text else "delivery",
        "is_angry": "!" in text,
        "amount": next((int(word) for word in text.split() if word.isdigit()), None),
    }


@contextmanager
def server(answer=lambda text: (200, json.dumps(read(text)))):
    """A chat-completions server on loopback; yields its address and the requests that it got."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, dict(self.headers), body))
            status, content = answer(body["messages"][-1]["content"])
            told = json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_):
            """Keep quiet."""

    service = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{service.server_address[1]}/v1", asked
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


TEXTS = pl.Series("note", ["The bill is 12 too high!", None, "Late again", "", "The bill is 12 too high!", "nonsense"])
EXPECTED = {
    "topic": ["billing", None, "delivery", None, "billing", None],
    "is_angry": [True, None, False, None, True, None],
    "amount": [12.0, None, None, None, 12.0, None],
}


def test_each_text_is_asked_once_ever_and_no_wrong_kind_comes_through(tmp_path):
    with server() as (url, asked):
        extractor = Extractor(FIELDS, tmp_path / "memory.db", url, "small", key="secret")
        assert extractor.columns(TEXTS).to_dict(as_series=False) == EXPECTED
        assert len(asked) == 3
        path, headers, body = asked[0]
        assert path == "/v1/chat/completions"
        assert headers["Authorization"] == "Bearer secret"
        assert body["response_format"]["json_schema"]["schema"]["properties"]["topic"]["enum"] == [
            "billing", "delivery", None
        ]  # fmt: skip
        assert extractor.columns(TEXTS).to_dict(as_series=False) == EXPECTED
        assert len(asked) == 3
    assert b"secret" not in (tmp_path / "memory.db").read_bytes()


def test_without_a_server_what_is_remembered_is_known_and_nothing_is_asked(tmp_path):
    with server() as (url, _):
        Extractor(FIELDS, tmp_path / "memory.db", url, "small").columns(TEXTS)
    off = Extractor(FIELDS, tmp_path / "memory.db", model="small")
    more = pl.concat([TEXTS, pl.Series("note", ["never seen"])])
    assert off.columns(more)["amount"].to_list() == [*EXPECTED["amount"], None]
    assert off.columns(more).dtypes == [pl.String, pl.Boolean, pl.Float64]
    other = Extractor({"amount": Field("number", "In USD")}, tmp_path / "memory.db", model="small")
    assert other.columns(TEXTS)["amount"].to_list() == [None] * 6


def test_in_a_view_fields_are_columns_with_names_of_features(tmp_path):
    with server() as (url, asked):
        extractor = Extractor(FIELDS, tmp_path / "memory.db", url, "small")
        frame = pl.LazyFrame({"ticket": range(6), "note": TEXTS})
        made = frame.with_columns(**extractor.expressions("note", prefix="ticket")).collect()
        assert made["ticket_amount"].to_list() == EXPECTED["amount"]
        assert made.columns == ["ticket", "note", "ticket_topic", "ticket_is_angry", "ticket_amount"]
        assert len(asked) == 3


def test_what_was_answered_before_a_failure_is_kept(tmp_path):
    def failing(text):
        return (200, json.dumps(read(text))) if "bill" in text else (400, "no")

    memory = tmp_path / "memory.db"
    with server(failing) as (url, _), pytest.raises(DataError, match="answers 400"):
        Extractor(FIELDS, memory, url, "small").columns(TEXTS)
    assert Extractor(FIELDS, memory, model="small").columns(TEXTS)["topic"].to_list()[0] == "billing"


def test_a_busy_server_is_asked_again(tmp_path):
    answers = iter([(503, ""), (429, ""), (200, json.dumps(read("the bill")))])
    with server(lambda _: next(answers)) as (url, asked):
        made = Extractor(FIELDS, tmp_path / "memory.db", url, "small").columns(pl.Series(["the bill"]))
    assert made["topic"].to_list() == ["billing"]
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("content", "message"), [("no JSON", "does not answer with the JSON"), ("[1]", "answers with list")]
)
def test_an_answer_that_is_none_is_told(tmp_path, content, message):
    with server(lambda _: (200, content)) as (url, _), pytest.raises(DataError, match=message):
        Extractor(FIELDS, tmp_path / "memory.db", url, "small").columns(TEXTS)


def test_what_cannot_be_asked_is_told(tmp_path):
    with pytest.raises(DataError, match=r"cannot be reached.*leave `url` empty"):
        Extractor(FIELDS, tmp_path / "memory.db", "http://127.0.0.1:1/v1", "small").columns(TEXTS)
    with pytest.raises(UsageError, match="names no model"):
        Extractor(FIELDS, tmp_path / "memory.db", "http://127.0.0.1:1/v1")
    with pytest.raises(UsageError, match="at least one field"):
        Extractor({}, tmp_path / "memory.db")
