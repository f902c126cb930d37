"""Many clients at once, in one process: sessions, each with its event stream, and what reaches them. Only the standard
library. The benchmarks use it too."""

import http.client
import json
import select
import socket
import struct
import sys
import time

HELLO = json.dumps({
    "jsonrpc": "2.0", "id": 0, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "crowd", "version": "1"}},
})
READY = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})
NEWS = b"notifications/tools/list_changed"
# Linux: the kernel says when what is read had arrived. Python names neither.
SO_TIMESTAMPNS = SCM_TIMESTAMPNS = 35


def call(tool, number, **arguments):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call",
                       "params": {"name": tool, "arguments": arguments}})


class Member:
    """Somebody with a token, who speaks over a connection that stays."""

    def __init__(self, port, path, token, session=None, timeout=30):
        self.port, self.path, self.token, self.session = port, path, token, session
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def headers(self):
        fields = {
            "Host": f"localhost:{self.port}", "Authorization": f"Bearer {self.token}", "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        if self.session:
            fields |= {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": "2025-06-18"}
        return fields

    def post(self, message):
        """Status, text and response of one POST; an event stream is read to its end."""
        self.connection.request("POST", self.path, message, self.headers())
        response = self.connection.getresponse()
        return response.status, response.read(), response

    def open(self):
        """Opens a session and returns its id."""
        self.session = None
        status, text, response = self.post(HELLO)
        if status != 200:
            raise RuntimeError(f"initialize: {status} {text[:200]}")
        self.session = response.getheader("mcp-session-id")
        self.post(READY)
        return self.session

    def stream(self):
        """A socket whose event stream has begun."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        fields = self.headers() | {"Accept": "text/event-stream"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if name != "Content-Type")
        plain.sendall(f"GET {self.path} HTTP/1.1\r\n{lines}\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            more = plain.recv(4096)
            if not more:
                raise RuntimeError("the stream was refused")
            head += more
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"GET: {head[:200]}")
        plain.setblocking(False)
        plain.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        return plain


class Crowd:
    """Open streams, watched together."""

    def __init__(self):
        self.streams, self.ended, self.comments = {}, 0, {}
        self.poll = select.epoll()

    def join(self, plain):
        self.streams[plain.fileno()] = plain
        self.poll.register(plain.fileno(), select.EPOLLIN)

    def read(self, patience):
        """What arrived within `patience`: a stream's number, its bytes, and when the kernel had them, in seconds since 1970:
        thousands of streams are not read as soon as something is there."""
        pieces = []
        for number, _ in self.poll.poll(patience, 10_000):
            data, arrived = b"", time.time()
            try:
                data, notes, *_ = self.streams[number].recvmsg(65536, 64)
                for level, kind, content in notes:
                    if (level, kind) == (socket.SOL_SOCKET, SCM_TIMESTAMPNS):
                        seconds, nanoseconds = struct.unpack("@qq", content[:16])
                        arrived = seconds + nanoseconds / 1e9
            except BlockingIOError:
                continue
            except OSError:
                pass
            if not data:
                self.poll.unregister(number)
                self.streams.pop(number).close()
                self.ended += 1
            elif b": keep-alive" in data:
                self.comments[number] = self.comments.get(number, 0) + data.count(b": keep-alive")
            pieces.append((number, data, arrived))
        return pieces

    def news(self, since, seconds=10):
        """Waits until every stream has the news; for each that has them how long after `since` (`time.time()`) they arrived."""
        waiting, times, tails = set(self.streams), [], {}
        while waiting and time.time() < since + seconds:
            for number, data, arrived in self.read(0.1):
                # An event may come in two pieces.
                data = tails.pop(number, b"") + data
                if number in waiting and NEWS in data:
                    waiting.discard(number)
                    times.append(arrived - since)
                else:
                    tails[number] = data[-len(NEWS):]
            waiting &= set(self.streams)
        return times

    def rest(self, seconds):
        """Reads what comes for so long; whoever does not read is not served."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def close(self):
        for plain in self.streams.values():
            plain.close()
        self.streams.clear()


def gather(port, path, tokens, count, each=32):
    """A crowd of `count` streams, at most `each` for one token, and a member who holds no stream."""
    crowd = Crowd()
    for token in tokens:
        member = Member(port, path, token)
        for _ in range(min(each, count - len(crowd.streams))):
            member.open()
            crowd.join(member.stream())
    return crowd, member


def read_job():
    """What is asked of this program: in its argument, or in the file that it names after an @."""
    text = sys.argv[1]
    if not text.startswith("@"):
        return json.loads(text)
    with open(text[1:]) as file:
        return json.load(file)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("inf")
