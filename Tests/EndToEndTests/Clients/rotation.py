"""Replaces certificates while clients connect, some of them badly, and reports what clients saw. Only the standard library.

Pairs are `certificate`, `key` and the serial number of the certificate; `paths` are the files that the server watches.
"""

import json
import os
import random
import socket
import ssl
import sys
import threading
import time


class Load:
    """Clients that begin new connections all the time, and one that stays."""

    def __init__(self, port, authority):
        self.port, self.authority = port, authority
        self.handshakes, self.failures, self.requests, self.dropped = 0, [], 0, []
        self.serials = set()
        self.stopped = threading.Event()
        self.lock = threading.Lock()

    def open(self):
        context = ssl.create_default_context(cafile=self.authority)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        return context.wrap_socket(plain, server_hostname="localhost")

    def ask(self, connection):
        connection.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        data = b""
        while b"\r\n\r\nalive" not in data:
            more = connection.recv(65536)
            if not more:
                raise OSError("ended")
            data += more

    def serial(self):
        with self.open() as connection:
            serial = int(connection.getpeercert()["serialNumber"], 16)
            self.ask(connection)
            return serial

    def newcomer(self):
        while not self.stopped.is_set():
            try:
                serial = self.serial()
                with self.lock:
                    self.handshakes += 1
                    self.serials.add(serial)
            except (OSError, ssl.SSLError) as error:
                with self.lock:
                    self.failures.append(repr(error))
            time.sleep(0.005)

    def resident(self):
        try:
            connection = self.open()
            while not self.stopped.is_set():
                self.ask(connection)
                self.requests += 1
                time.sleep(0.01)
        except (OSError, ssl.SSLError) as error:
            self.dropped.append(repr(error))


def write(path, data):
    """In one piece: readers see the old file or the new one."""
    with open(path + ".new", "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)
    os.rename(path + ".new", path)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def in_pieces(path, data, pause):
    """As careless programs do: the old file is gone from the first moment, and the new one grows."""
    with open(path, "wb") as file:
        cut = random.randrange(1, len(data) - 2)
        file.write(data[:cut])
        file.flush()
        time.sleep(pause)
        file.write(data[cut:])


def break_it(kind, paths, pairs, current):
    """Leaves something unusable behind."""
    other = random.choice([pair for pair in pairs if pair is not current])
    certificate, key = paths
    if kind == "mismatch":
        write(certificate, content(other["certificate"]))
    elif kind == "half":
        data = content(other["certificate"])
        write(certificate, data[: random.randrange(1, len(data) - 2)])
    elif kind == "half key":
        data = content(other["key"])
        write(key, data[: random.randrange(1, len(data) - 2)])
    elif kind == "garbage":
        write(certificate, os.urandom(2000))
    elif kind == "empty":
        write(key, b"")
    elif kind == "gone":
        os.remove(certificate)
    elif kind == "open":
        os.chmod(key, 0o644)


BROKEN = ["mismatch", "half", "half key", "garbage", "empty", "gone", "open"]


def rotate(job, load):
    pairs, paths = job["pairs"], job["paths"]
    random.seed(22)
    current, slowest, wrong, broken = None, 0.0, [], 0
    for round in range(job["rounds"]):
        if round % 4 == 3:
            kind = BROKEN[broken % len(BROKEN)]
            broken += 1
            break_it(kind, paths, pairs, current)
            # Long enough for the server to look at it more than once.
            time.sleep(0.6)
            if load.serial() != current["serial"]:
                wrong.append(kind)
        current = random.choice([pair for pair in pairs if pair is not current])
        certificate, key = content(current["certificate"]), content(current["key"])
        if round % 3 == 2:
            in_pieces(paths[0], certificate, 0.15)
            os.chmod(paths[1], 0o600)
            in_pieces(paths[1], key, 0.15)
        else:
            write(paths[1], key)
            write(paths[0], certificate)
        done = time.monotonic()
        while load.serial() != current["serial"]:
            if time.monotonic() - done > 5:
                return {"error": f"round {round}: the new pair is not served"}
            time.sleep(0.01)
        slowest = max(slowest, time.monotonic() - done)
    return {"slowest": slowest, "wrong": wrong, "broken": broken}


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    for pair in job["pairs"]:
        pair["serial"] = int(pair["serial"], 16)
    load = Load(job["port"], job["authority"])
    threads = [threading.Thread(target=load.newcomer) for _ in range(3)] + [threading.Thread(target=load.resident)]
    for thread in threads:
        thread.start()
    try:
        report = rotate(job, load)
    finally:
        load.stopped.set()
        for thread in threads:
            thread.join()
    print(json.dumps(report | {
        "handshakes": load.handshakes, "failures": load.failures[:5], "failed": len(load.failures),
        "requests": load.requests, "dropped": load.dropped, "serials": len(load.serials)}))
