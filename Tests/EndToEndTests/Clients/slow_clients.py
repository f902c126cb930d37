"""Honest calls beside thousands of sockets whose owners are too slow: with the heads of their requests, with the contents, or in
reading the answers. In turns with the same calls alone, so that what the machine does besides hits both. Only the standard
library."""

import json
import multiprocessing
import os
import resource
import select
import socket
import time

from crowd import Member, read_job
from honest import Honest
from idle_streams import resident

HEAD = b"X-Slow: yes\r\n"
# Of every connection that is ended: how it was.
CUT, SILENT = "cut", "closed"


class SlowCrowd:
    """Sockets that are slow in one way. `piece` is what each sends, or how many bytes it reads, every `pause` seconds."""

    pause = 2.0

    def __init__(self, job, kind):
        self.job, self.kind = job, kind
        self.poll, self.sockets, self.ends, self.heard = select.epoll(), {}, {}, {}

    def opening(self):
        host = f"Host: localhost:{self.job['port']}\r\nAccept: application/json, text/event-stream\r\n"
        if self.kind == "heads":
            return f"GET {self.job['path']} HTTP/1.1\r\n{host}".encode()
        if self.kind == "contents":
            return (f"POST {self.job['form']} HTTP/1.1\r\n{host}Content-Type: application/x-www-form-urlencoded\r\n"
                    "Content-Length: 8192\r\n\r\ngrant_type=").encode()
        return f"GET /metrics HTTP/1.1\r\n{host}\r\n".encode() * 4

    def connect(self):
        words = self.opening()
        for _ in range(self.job["slow"]):
            plain = socket.socket()
            if self.kind == "readers":
                # Before the connection: the window that it offers is small from the beginning.
                plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.connect(("127.0.0.1", self.job["port"]))
            plain.sendall(words)
            plain.setblocking(False)
            self.sockets[plain.fileno()] = plain
            if self.kind != "readers":
                self.poll.register(plain.fileno(), select.EPOLLIN)

    def end(self, number, how):
        if self.kind != "readers":
            self.poll.unregister(number)
        self.sockets.pop(number).close()
        self.ends[how] = self.ends.get(how, 0) + 1

    def listen(self, seconds):
        """Reads what the server says to those that did not finish: its last word."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for number, _ in self.poll.poll(left, 10_000):
                try:
                    data = self.sockets[number].recv(4096)
                except OSError:
                    self.end(number, CUT)
                    continue
                if data:
                    self.heard[number] = self.heard.get(number, b"") + data[:64]
                else:
                    words = self.heard.pop(number, b"").split(b" ", 2)
                    self.end(number, words[1].decode() if len(words) > 2 else SILENT)

    def step(self):
        """What each does once in a `pause`, a few hundred at a time."""
        numbers = list(self.sockets)
        for start in range(0, len(numbers), 200):
            for number in numbers[start:start + 200]:
                plain = self.sockets.get(number)
                if plain is None:
                    continue
                try:
                    if self.kind == "heads":
                        plain.send(HEAD)
                    elif self.kind == "contents":
                        plain.send(b"abcdefgh")
                    elif not plain.recv(32):
                        self.end(number, SILENT)
                except BlockingIOError:
                    pass
                except OSError:
                    self.end(number, CUT)
            self.listen(self.pause * 200 / max(len(numbers), 200))

    def live(self, pipe):
        """Connects, and goes on until told to stop, or until the server has ended all of them."""
        self.connect()
        pipe.send(len(self.sockets))
        while not pipe.poll():
            self.step()
        # Whoever is to be ended by the server waits for that.
        until = time.monotonic() + pipe.recv()
        while self.sockets and time.monotonic() < until:
            self.step()
        pipe.send({"left": len(self.sockets), "ends": self.ends})
        for plain in self.sockets.values():
            plain.close()


def live(job, kind, pipe):
    SlowCrowd(job, kind).live(pipe)


class Gateway:
    """What the process of the gateway needs."""

    def __init__(self, pid):
        self.pid = pid

    def processor(self):
        with open(f"/proc/{self.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def settles(self, seconds=20):
        """Waits until what the last ones asked for is done."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            used = self.processor()
            time.sleep(0.25)
            if self.processor() - used <= 0.05:
                return

    def rests(self, descriptors, seconds=30):
        """Whether it comes back to so many descriptors."""
        until = time.monotonic() + seconds
        while self.descriptors() > descriptors:
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        return True


def calls(job, gateway):
    """The honest ones, and what the gateway's processor time was meanwhile, in seconds a second."""
    begin, used = time.monotonic(), gateway.processor()
    report = Honest(job).run()
    report["processor"] = (gateway.processor() - used) / (time.monotonic() - begin)
    return report


def beside(job, gateway, kind, patience):
    """The honest calls beside a slow crowd, which stays for `patience` seconds more or until the server has ended it."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=live, args=(job, kind, theirs), daemon=True)
    process.start()
    held = ours.recv()
    gateway.settles()
    report = calls(job, gateway)
    report |= {"held": held, "memory": resident(gateway.pid), "open": gateway.descriptors()}
    ours.send(patience)
    report |= ours.recv()
    process.join()
    return report


def measure(job):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    gateway = Gateway(job["pid"])
    # One session for all, so that nothing but connections comes and goes.
    job = job | {"session": Member(job["port"], job["path"], job["token"]).open()}
    calls(job | {"seconds": 1}, gateway)  # warm
    before = {"memory": resident(job["pid"]), "open": gateway.descriptors()}
    alone, rounds = [], {kind: [] for kind in job["kinds"]}
    for number in range(job["rounds"]):
        for kind in job["kinds"]:
            alone.append(calls(job, gateway))
            # In the last round the server is to end them.
            isLast = number == job["rounds"] - 1
            report = beside(job, gateway, kind, job["patience"] if isLast and kind != "readers" else 0)
            report["rests"] = gateway.rests(before["open"] + 16)
            rounds[kind].append(report)
    return {"before": before, "alone": alone, **rounds}


if __name__ == "__main__":
    print(json.dumps(measure(read_job())))
