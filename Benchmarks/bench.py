"""Runs the contestants in interleaved rounds and prints medians and ratios. Started by ./bench."""

import argparse
import http.client
import json
import os
import platform
import statistics
import time

from authority import bearer, clients, tokens
from contestants import (
    GATEWAY_CORE, LOAD_CORE, Sallyport, SallyportAggregate, SallyportBridge, SallyportVerify, resident, until,
)
from crowds import slow, streams
from peers import FastMCPProxy, McpProxy, Nginx, StreamableProxy
from processes import neighbours, sessions, spawn
from soak import soak
from tables import table, timed
from watching import policy, watching


def started(contestants):
    """Those that start; the others are named and left out."""
    running = []
    for contestant in contestants:
        try:
            contestant.start()
            running.append(contestant)
        except Exception as problem:  # a neighbour that does not start is a line in the table, not the end of it
            print(f"  {contestant.name}: left out, {problem}")
            contestant.stop()
    return running


def rounds(contestants, connections, options):
    """Interleaved: every contestant once per round, so that a slow minute of the machine hits them all."""
    results = {contestant.name: [] for contestant in contestants}
    for contestant in contestants:
        contestant.load(connections, 1)  # warm
    for _ in range(options.rounds):
        for contestant in contestants:
            results[contestant.name].append(contestant.load(connections, options.seconds))
    return results


def median(results, key):
    return statistics.median(result[key] for result in results)


def failures(results):
    return sum(result["status"] + result["socket"] for result in results)


def throughput(options):
    contestants = started([
        Sallyport(options.work), SallyportBridge(options.work), Nginx(options.work, "constant"),
        Nginx(options.work, "proxy_pass"), Nginx(options.work, "auth_request"), StreamableProxy(options.work),
        McpProxy(options.work), FastMCPProxy(options.work),
    ])
    try:
        results = rounds(contestants, 64, options)
    finally:
        for contestant in contestants:
            contestant.stop()
    ours = median(results[Sallyport.name], "rate") if Sallyport.name in results else float("nan")
    rows = []
    for name, measured in results.items():
        rate = median(measured, "rate")
        spread = [f"{bound(r['rate'] for r in measured):,.0f}" for bound in (min, max)]
        rows.append([name, f"{rate:,.0f}", "–".join(spread), f"{ours / rate:.1f}", failures(measured)])
    table("tools/call over stdio, 64 connections, one core for the gateway (nginx: a plain GET)", rows,
          ["", "calls/s, median", "lowest–highest", "Sallyport ×", "errors"])


def latency(options):
    contestants = started([
        Sallyport(options.work), SallyportBridge(options.work), StreamableProxy(options.work), McpProxy(options.work),
        FastMCPProxy(options.work),
    ])
    try:
        results = rounds(contestants, 1, options)
    finally:
        for contestant in contestants:
            contestant.stop()
    ours = median(results[Sallyport.name], "p50") if Sallyport.name in results else float("nan")
    rows = [
        [name, f"{median(m, 'p50'):,.0f}", f"{median(m, 'p99'):,.0f}", f"{median(m, 'p50') / ours:.1f}", failures(m)]
        for name, m in results.items()
    ]
    table("the same, one connection, whole HTTP call", rows,
          ["", "µs, median", "µs, p99", "times Sallyport's", "errors"])


def start(options):
    """Cold start to /ready with the state of many clients."""
    gateway = Sallyport(options.work)
    gateway.spawn()
    until("Sallyport is ready", lambda: gateway.listening() and gateway.ready())
    clients = 0
    try:
        for clients in range(1, options.clients + 1):
            gateway.register()
    except RuntimeError as problem:
        print(f"  registered {clients - 1} clients only: {problem}")
    gateway.stop()
    times = []
    for _ in range(options.rounds * 3):
        before = time.monotonic()
        gateway.spawn()
        until("ready", lambda: gateway.listening() and gateway.ready(), step=0.0005)
        times.append((time.monotonic() - before) * 1000)
        gateway.stop()
    table(f"cold start to /ready, state of {clients:,} clients",
          [["Sallyport", f"{statistics.median(times):.0f}", f"{max(times):.0f}"]], ["", "ms, median", "ms, slowest"])


def memory(options):
    gateway = Sallyport(options.work)
    gateway.spawn()
    until("Sallyport is ready", lambda: gateway.listening() and gateway.ready())
    idle = resident(gateway.process.pid)
    gateway.stop()
    gateway.start()
    gateway.load(64, options.seconds)
    loaded = resident(gateway.process.pid)
    gateway.stop()
    # A fresh one: what the load gave back would be used again, and hide what a session needs.
    gateway.spawn()
    until("Sallyport is ready", lambda: gateway.listening() and gateway.ready())
    gateway.token = gateway.log_in()["access_token"]
    gateway.prepare()
    streams, open_streams = 0, []
    before = resident(gateway.process.pid)
    try:
        for number in range(options.streams):
            # One user may have 32 sessions; 25 each.
            if number % 25 == 0:
                gateway.add_user(f"user{number}")
                gateway.token = gateway.log_in(f"user{number}")["access_token"]
            gateway.open_session()
            open_streams.append(open_stream(gateway))
            streams += 1
    except (RuntimeError, OSError) as problem:
        print(f"  {streams} streams only: {problem}")
    each = (resident(gateway.process.pid) - before) / max(streams, 1)
    for connection in open_streams:
        connection.close()
    gateway.stop()
    table("resident memory of the gateway, without its children",
          [["idle", f"{idle / 2**20:.1f} MiB"], ["after a round of 64 connections", f"{loaded / 2**20:.1f} MiB"],
           [f"per idle session with its SSE stream ({streams} of them)", f"{each / 1024:.1f} KiB"]], ["", "resident"])


def open_stream(gateway):
    """The GET stream of a session, its head read, left open."""
    connection = http.client.HTTPConnection("localhost", gateway.port, timeout=30)
    connection.request("GET", gateway.path, None, {**gateway.headers(), "Accept": "text/event-stream"})
    response = connection.getresponse()
    if response.status != 200:
        raise RuntimeError(f"GET {gateway.path}: {response.status} {response.read(300)}")
    return connection


def verify(options):
    """The question that a proxy asks before each request, warm, beside nginx that answers without thinking."""
    contestants = started([SallyportVerify(options.work), Nginx(options.work, "constant")])
    try:
        results = rounds(contestants, 64, options)
    finally:
        for contestant in contestants:
            contestant.stop()
    constant = median(results["nginx constant"], "rate")
    rows = [
        [name, f"{median(m, 'rate'):,.0f}", f"{median(m, 'p50'):,.0f}", f"{constant / median(m, 'rate'):.1f}", failures(m)]
        for name, m in results.items()
    ]
    table("/verify with a known token, 64 connections", rows,
          ["", "answers/s, median", "µs, median", "nginx constant ×", "errors"])


def aggregate(options):
    """tools/list over twenty servers, once all of them have joined the session."""
    gateway = SallyportAggregate(options.work)
    gateway.start()
    times, size = [], 0
    try:
        connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)

        def listed(number):
            message = json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/list", "params": {}})
            return timed(connection, gateway.path, message, gateway.headers())

        until("every tool is listed", lambda: listed(1)[1].count(b'"name"') == 1000)
        for number in range(options.rounds * 100):
            spent, text, _ = listed(number + 2)
            times.append(spent)
            size = len(text)
    finally:
        gateway.stop()
    table(f"tools/list over 20 servers and 1,000 tools, {size:,} bytes, whole HTTP call by a client in Python",
          [["Sallyport", f"{statistics.median(times):.2f}", f"{sorted(times)[len(times) * 99 // 100]:.2f}"]],
          ["", "ms, median", "ms, p99"])


def eras(options):
    """What the era bridge adds: the same call of the same server by clients of both eras, in turns."""
    gateway = Sallyport(options.work)
    gateway.start()
    revision = "2026-07-28"
    key = "io.modelcontextprotocol/"
    times = {"handshake (2025-06-18)": [], f"{revision}, through the bridge": []}
    params = {"name": "echo", "arguments": {"message": "hello"}}
    envelope = {f"{key}protocolVersion": revision, f"{key}clientCapabilities": {}}
    legacy = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})
    modern = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {**params, "_meta": envelope}})
    try:
        headers = gateway.headers()
        plain = {name: value for name, value in headers.items() if name != "Mcp-Session-Id"} | {
            "MCP-Protocol-Version": revision, "Mcp-Method": "tools/call", "Mcp-Name": "echo"}
        one, two = (http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30) for _ in range(2))
        for _ in range(options.rounds * 400):
            for (name, spent), call in zip(times.items(), [(one, legacy, headers), (two, modern, plain)]):
                spent.append(timed(call[0], gateway.path, call[1], call[2])[0] * 1000)
    finally:
        gateway.stop()
    base = statistics.median(next(iter(times.values())))
    rows = [[name, f"{statistics.median(spent):.0f}", f"{statistics.median(spent) - base:+.0f}"]
            for name, spent in times.items()]
    table("one plain call, one connection, by a client in Python", rows, ["", "µs, median", "µs more"])


TABLES = {
    "throughput": throughput, "latency": latency, "start": start, "memory": memory, "tokens": tokens, "verify": verify,
    "bearer": bearer, "clients": clients, "aggregate": aggregate, "eras": eras, "sessions": sessions, "spawn": spawn,
    "neighbours": neighbours, "streams": streams, "slow": slow, "soak": soak,
    "watching": watching, "policy": policy,
}


def main():
    parser = argparse.ArgumentParser(prog="./bench")
    parser.add_argument("name", nargs="?", choices=TABLES)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--verification", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--clients", type=int, default=10_000)
    parser.add_argument("--registered", type=int, default=99_900)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--crowd", type=int, default=9000)
    parser.add_argument("--rest", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--families", type=int, default=32)
    options = parser.parse_args()
    Sallyport.binary = options.binary
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.machine()}, {cores} cores; gateway on core {GATEWAY_CORE}, load and stdio server on core "
          f"{LOAD_CORE}; {options.rounds} interleaved rounds of {options.seconds} s")
    for name, run in TABLES.items():
        if options.name in (None, name):
            run(options)


if __name__ == "__main__":
    main()
