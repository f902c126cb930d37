"""refresh.py PORT SECONDS: refreshes the families given on standard input in parallel, each its newest token, and
prints how many answers a second came. Sockets without a client library: the load must not be the bottleneck."""

import json
import selectors
import socket
import sys
import time
import urllib.parse


class Family:
    def __init__(self, port, client, token):
        self.port, self.client, self.token, self.received = port, client, token, b""
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self):
        body = urllib.parse.urlencode(
            {"grant_type": "refresh_token", "refresh_token": self.token, "client_id": self.client})
        head = (f"POST /token HTTP/1.1\r\nHost: localhost:{self.port}\r\nContent-Length: {len(body)}\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n\r\n")
        self.socket.sendall((head + body).encode())

    def receive(self):
        """The answer when it is whole: (status, body)."""
        more = self.socket.recv(65536)
        if not more:
            raise ConnectionError("closed")
        self.received += more
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return None
        length = next(int(l.split(b":")[1]) for l in head.split(b"\r\n") if l.lower().startswith(b"content-length:"))
        if len(body) < length:
            return None
        self.received = body[length:]
        return int(head.split()[1]), body[:length]


def main():
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    selector = selectors.DefaultSelector()
    for client, token in json.load(sys.stdin):
        family = Family(port, client, token)
        selector.register(family.socket, selectors.EVENT_READ, family)
        family.send()
    count = errors = 0
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        for key, _ in selector.select(1):
            answer = key.data.receive()
            if answer is None:
                continue
            status, body = answer
            if status == 200:
                count += 1
                key.data.token = json.loads(body)["refresh_token"]
                key.data.send()
            else:
                errors += 1
                selector.unregister(key.data.socket)
    print(json.dumps({"rate": count / (time.monotonic() - begin), "errors": errors}))


main()
