"""Tables about processes: many sessions over one of them, how soon one answers, and what slow ones cost their neighbours."""

import http.client
import json
import os
import statistics
import subprocess
import threading
import time

from contestants import LOAD_CORE, Sallyport, exchange, resident, until
from tables import table, timed

HELLO = json.dumps({
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}},
})


class SallyportWith(Sallyport):
    """Sallyport with the servers that `servers` writes, each a line of YAML."""

    def __init__(self, work, servers):
        super().__init__(work)
        self.servers = servers

    def command(self):
        words = super().command()
        with open(words[words.index("--config") + 1], "w") as out:
            out.write("servers:\n" + "".join(f"  {line}\n" for line in self.servers) + self.configuration)
        return words

    def token_for(self, path):
        """A token of the user who stands in for everybody, for another server."""
        mine, self.path = self.path, path
        try:
            return self.log_in()["access_token"]
        finally:
            self.path = mine


def yaml(words, **settings):
    rest = "".join(f", {key}: {value}" for key, value in settings.items())
    return f"{{command: {json.dumps(words[0])}, args: {json.dumps(words[1:])}{rest}}}"


def echo_of(work):
    return ["/usr/bin/taskset", "-c", LOAD_CORE, os.path.join(work, "stdio-echo")]


def sessions(options):
    """What legacy sessions cost over one process that they share: each has called once, then each holds a stream open."""
    server = yaml(echo_of(options.work), isolation="shared", limits=f"{{sessions: {options.sessions + 1}}}")
    gateway = SallyportWith(options.work, [f"echo: {server}"])
    gateway.spawn()
    until("Sallyport is ready", lambda: gateway.listening() and gateway.ready())
    gateway.add_user("first")
    gateway.token = gateway.log_in("first")["access_token"]
    gateway.prepare()
    tokens = []
    # One user may have 32 sessions; 25 each.
    for number in range((options.sessions + 24) // 25):
        gateway.add_user(f"user{number}")
        tokens.append(gateway.log_in(f"user{number}")["access_token"])
    idle = resident(gateway.process.pid)
    count, streams, owners = 0, [], []
    try:
        for token in tokens:
            gateway.token = token
            for _ in range(25):
                gateway.open_session()
                status, _, text = gateway.call()
                if status != 200 or "hello" not in text:
                    raise RuntimeError(f"call: {status} {text[:200]}")
                owners.append((token, gateway.session))
                count += 1
        called = resident(gateway.process.pid)
        for gateway.token, gateway.session in owners:
            connection = http.client.HTTPConnection("localhost", gateway.port, timeout=30)
            connection.request("GET", gateway.path, None, {**gateway.headers(), "Accept": "text/event-stream"})
            response = connection.getresponse()
            if response.status != 200:
                raise RuntimeError(f"GET: {response.status} {response.read(300)}")
            streams.append(connection)
        streaming = resident(gateway.process.pid)
    finally:
        for connection in streams:
            connection.close()
        gateway.stop()
    mebibytes = 2**20
    table(f"{count:,} legacy sessions over one process, memory of the gateway",
          [["without them", f"{idle / mebibytes:.1f}", ""],
           ["each has called once", f"{called / mebibytes:.1f}", f"{(called - idle) / mebibytes:+.1f}"],
           ["and each holds a stream open", f"{streaming / mebibytes:.1f}", f"{(streaming - idle) / mebibytes:+.1f}"]],
          ["", "MiB resident", "MiB more"])


def spawn(options):
    """From nothing to the answer of `initialize`: by the server itself, through the gateway, and with processes that stand
    ready; in turns."""
    python = ["/usr/bin/taskset", "-c", LOAD_CORE, "/usr/bin/python3", "-I",
              os.path.join(os.path.dirname(os.path.abspath(__file__)), "many_tools.py")]
    for title, words in {"a server in C": echo_of(options.work), "a server in Python": python}.items():
        gateway = SallyportWith(options.work, [f"echo: {yaml(words)}", f"warm: {yaml(words, pool='{prespawn: 2}')}"])
        gateway.start_without_session()
        try:
            spawn_table(title, words, gateway, options)
        finally:
            gateway.stop()


def spawn_table(title, words, gateway, options):
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    tokens = {path: gateway.token_for(path) for path in ("/echo/mcp", "/warm/mcp")}

    def through(path):
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                   "Authorization": f"Bearer {tokens[path]}"}
        spent, _, response = timed(connection, path, HELLO, headers)
        timed(connection, path, None, {**headers, "Mcp-Session-Id": response.getheader("mcp-session-id")}, "DELETE")
        return spent

    def standing():
        text = exchange(gateway.port, "GET", "/metrics")[2]
        return 'sallyport_prespawned_processes{server="warm"} 2' in text

    rows = {"the server itself": [], "through the gateway": [], "the server itself, started before": [],
            "through the gateway, prespawn: 2": []}
    for _ in range(options.rounds * 20):
        rows["the server itself"].append(alone(words, 0))
        rows["through the gateway"].append(through("/echo/mcp"))
        rows["the server itself, started before"].append(alone(words, 0.1))
        until("processes stand ready", standing)
        time.sleep(0.1)
        rows["through the gateway, prespawn: 2"].append(through("/warm/mcp"))
    middles = [statistics.median(times) for times in rows.values()]
    bases = [middles[0], middles[0], middles[2], middles[2]]
    table(f"initialize of {title}, from nothing to the answer, by a client in Python",
          [[name, f"{middle:.2f}", f"{sorted(times)[len(times) * 9 // 10]:.2f}", f"{middle - base:+.2f}"]
           for (name, times), middle, base in zip(rows.items(), middles, bases)],
          ["", "ms, median", "ms, p90", "ms more"])


def alone(words, pause):
    """Milliseconds from `exec`, or from a moment after it, to the answer of a server without a gateway."""
    before = time.perf_counter()
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    if pause:
        time.sleep(pause)
        before = time.perf_counter()
    process.stdin.write(HELLO.encode() + b"\n")
    process.stdout.readline()
    spent = (time.perf_counter() - before) * 1000
    process.stdin.close()
    process.wait(10)
    process.stdout.close()
    return spent


def neighbours(options):
    """The calls of one server, while fifty slow ones wait for another and while none do; in turns."""
    slow = yaml([Sallyport.binary, "demo-server"])
    gateway = SallyportWith(options.work, [f"echo: {yaml(echo_of(options.work))}", f"slow: {slow}"])
    gateway.start()
    token, mine = gateway.token_for("/slow/mcp"), (gateway.token, gateway.session, gateway.path)
    results = {"alone": [], "beside 50 calls of a second": []}
    try:
        gateway.token, gateway.path = token, "/slow/mcp"
        gateway.open_session()
        headers = gateway.headers()
        gateway.token, gateway.session, gateway.path = mine
        gateway.load(4, 1)  # warm
        for _ in range(options.rounds):
            results["alone"].append(gateway.load(4, options.seconds))
            with SlowCalls(gateway.port, headers, 50):
                results["beside 50 calls of a second"].append(gateway.load(4, options.seconds))
    finally:
        gateway.stop()

    def row(name, measured):
        p50, p99 = (statistics.median(result[key] for result in measured) for key in ("p50", "p99"))
        errors = sum(result["status"] + result["socket"] for result in measured)
        return [name, f"{p50:,.0f}", f"{p99:,.0f}",
                f"{p99 / statistics.median(result['p99'] for result in results['alone']):.2f}", errors]

    table("tools/call of one server beside another server's slow calls, 4 connections",
          [row(name, measured) for name, measured in results.items()],
          ["", "µs, median", "µs, p99", "p99, times", "errors"])


class SlowCalls:
    """So many calls of a second at a time, until the block ends."""

    def __init__(self, port, headers, count):
        self.port, self.headers, self.over = port, headers, threading.Event()
        self.answered, self.failures = 0, []
        self.threads = [threading.Thread(target=self.run) for _ in range(count)]

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                              "params": {"name": "sleep", "arguments": {"seconds": 1}}})
        try:
            while not self.over.is_set():
                text = timed(connection, "/slow/mcp", message, self.headers)[1]
                if b'"error"' in text:
                    raise RuntimeError(text[:200])
                self.answered += 1
        except Exception as problem:  # told in the main thread
            self.failures.append(problem)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        # Every one of them has been asked once.
        until("slow calls are answered", lambda: self.answered >= len(self.threads) or self.failures)

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]
