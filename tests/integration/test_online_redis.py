"""What only a server can do to the online store: be away, come back, hang, lose its data, refuse, and be far."""

import logging
import shutil
import socket
import subprocess
import threading
import time
import uuid

import pytest
from tests.integration.servers import PASSWORD, free_port, redis_server

from assay.errors import AssayError, IntegrityError, ServiceUnreachable, UsageError
from assay.stores.online import OnlineRow, is_remote, open_online

DELAY_SECONDS = 0.05


@pytest.fixture(scope="module")
def server():
    with redis_server() as running:
        yield running


@pytest.fixture
def store(server):
    return open_online(server.url(), namespace=uuid.uuid4().hex)


def test_a_server_that_is_killed_is_named_at_once_and_used_again_when_it_is_back(server, store):
    store.put("form", ["a"], [1], [{"x": 1}])
    server.stop()
    started = time.perf_counter()
    with pytest.raises(ServiceUnreachable, match=f"redis://127.0.0.1:{server.port}/0 does not answer"):
        store.get("form", ["a"])
    with pytest.raises(ServiceUnreachable, match="does not answer"):
        store.put("form", ["a"], [1], [{"x": 1}])
    assert time.perf_counter() - started < 1
    server.start()
    with pytest.raises(ServiceUnreachable, match="has lost its data"):  # it keeps nothing on disk
        store.get("form", ["a"])
    with pytest.raises(ServiceUnreachable, match="has lost its data"):  # a part of the rows would hide the loss
        store.put("form", ["a"], [1], [{"x": 1}])
    assert store.put("form", ["a"], [1], [{"x": 1}], replace=True) == 1
    assert store.get("form", ["a"]) == [OnlineRow(1, {"x": 1})]


def test_a_loss_that_is_taken_as_it_is_leaves_rows_missing(server, store):
    store.put("form", ["a"], [1], [{"x": 1}])
    assert store.get("form", ["a"]) != [None]
    server.stop()
    server.start()
    store.forget_losses()
    assert store.get("form", ["a"]) == [None]


def test_a_server_that_hangs_costs_no_more_than_the_time_allowed(server):
    store = open_online(f"{server.url()}?socket_timeout=0.1", namespace=uuid.uuid4().hex)
    store.put("form", ["a"], [1], [{"x": 1}])
    server.pause()
    try:
        started = time.perf_counter()
        with pytest.raises(ServiceUnreachable, match="does not answer"):
            store.get("form", ["a"])
        assert time.perf_counter() - started < 1
    finally:
        server.resume()
    assert store.get("form", ["a"]) == [OnlineRow(1, {"x": 1})]


def test_a_large_batch_may_take_longer_than_a_read(server):
    store = open_online(f"{server.url()}?socket_timeout=0.005", namespace=uuid.uuid4().hex)
    keys = [str(number) for number in range(20_000)]
    started = time.perf_counter()
    assert store.put("form", keys, [1] * len(keys), [{"x": number} for number in range(len(keys))]) == len(keys)
    assert time.perf_counter() - started > 0.005


def test_no_password_is_ever_shown(server, caplog):
    caplog.set_level(logging.DEBUG)
    said = []
    for url, error in (
        (server.url(password="hunter2"), UsageError),
        (f"redis://somebody:hunter2@127.0.0.1:{server.port}/0", UsageError),
        (f"redis://:hunter2@127.0.0.1:{free_port()}/0", ServiceUnreachable),
        (f"redis://:hunter2@127.0.0.1:{server.port}/0?socket_timeout=long", UsageError),
    ):
        with pytest.raises(error) as caught:
            open_online(url).get("form", ["a"])
        said.append(messages(caught.value))
    assert "hunter2" not in "".join(said) + caplog.text
    assert "hunter2" not in repr(vars(open_online(server.url(password="hunter2")))["place"])


def messages(error):
    """Every message that a traceback of `error` would show."""
    return f"{error!r} {messages(error.__cause__)} {messages(error.__context__)}" if error else ""


def test_projects_share_a_server(server):
    one, other = (open_online(server.url(), namespace=uuid.uuid4().hex) for _ in range(2))
    one.put("form", ["a"], [1], [{"x": 1}])
    assert (one.count("form"), other.count("form"), other.get("form", ["a"])) == (1, 0, [None])


def test_somebody_elses_data_under_our_name_is_told(server, store):
    import redis

    client = redis.Redis.from_url(server.url())
    client.set(f"{store._prefix}form", "not ours")
    with pytest.raises(IntegrityError, match="holds something else"):
        store.get("form", ["a"])
    client.delete(f"{store._prefix}form")
    client.hset(f"{store._prefix}form", mapping={"a": b"\0" * 8 + b"{broken"})
    with pytest.raises(IntegrityError, match="cannot be read"):
        store.get("form", ["a"])
    client.close()


def test_any_number_of_views_and_keys_costs_one_round_trip(server):
    with slow_road(server.port) as port:
        store = open_online(f"redis://:{PASSWORD}@127.0.0.1:{port}/0", namespace=uuid.uuid4().hex)
        for view in range(8):
            store.put(f"v{view}", ["a", "b"], [1, 1], [{"x": view}, {"x": view}])
        store.get("v0", ["a"])  # connects
        started = time.perf_counter()
        found = store.get_views([(f"v{view}", ["a", "b"]) for view in range(8)])
        taken = time.perf_counter() - started
    assert [rows[1].values["x"] for rows in found] == list(range(8))
    assert DELAY_SECONDS <= taken < 2 * DELAY_SECONDS


class slow_road:  # noqa: N801 used as a statement
    """A way to a port that holds every piece of a client's for a while, as a far network does."""

    def __init__(self, port):
        self.port = port

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self.listener.getsockname()[1]

    def __exit__(self, *_):
        self.listener.close()

    def _serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            for one, other, delay in ((client, server, DELAY_SECONDS), (server, client, 0)):
                threading.Thread(target=carry, args=(one, other, delay), daemon=True).start()


def carry(one, other, delay):
    try:
        while data := one.recv(1 << 20):
            time.sleep(delay)
            other.sendall(data)
    except OSError:
        pass
    finally:
        one.close()
        other.close()


def test_an_encrypted_connection_is_checked_against_its_authority(tmp_path):
    if shutil.which("openssl") is None or shutil.which("redis-server") is None:
        pytest.skip("needs openssl and redis-server")
    key, certificate, port = tmp_path / "key.pem", tmp_path / "certificate.pem", free_port()
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--tls-port", str(port), "--tls-cert-file", certificate, "--tls-key-file", key,
         "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        store = open_online(f"rediss://localhost:{port}/0?ssl_ca_certs={certificate}")
        give_up = time.monotonic() + 20
        while True:
            try:
                assert store.put("form", ["a"], [1], [{"x": 1}]) == 1
                break
            except ServiceUnreachable:
                assert time.monotonic() < give_up
                time.sleep(0.05)
        assert store.get("form", ["a"]) == [OnlineRow(1, {"x": 1})]
        with pytest.raises(AssayError, match="does not answer"):
            open_online(f"rediss://localhost:{port}/0").get("form", ["a"])
    finally:
        server.kill()
        server.wait()


def test_servers_are_told_from_files():
    assert [is_remote(url) for url in ("redis://h", "rediss://h", "unix:///s", "o.db", "sqlite:///o.db")] == [
        True, True, True, False, False,
    ]  # fmt: skip
