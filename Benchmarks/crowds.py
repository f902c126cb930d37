"""Tables about crowds: thousands of idle event streams, and thousands of clients that are too slow."""

import json
import os
import statistics
import subprocess
import sys

from contestants import LOAD_CORE, ROOT, exchange, processor, until
from processes import SallyportWith, echo_of, yaml
from tables import table

CLIENTS = os.path.join(ROOT, "Tests", "EndToEndTests", "Clients")


def client(script, job, work):
    """Runs a client of the tests on the core of the load; its report."""
    file = os.path.join(work, "job.json")
    with open(file, "w") as out:
        json.dump(job, out)
    run = subprocess.run(
        ["taskset", "-c", LOAD_CORE, sys.executable, os.path.join(CLIENTS, script), f"@{file}"],
        capture_output=True, text=True, timeout=3600)
    if run.returncode:
        raise RuntimeError(f"{script}: {run.stderr[-2000:]}")
    return json.loads(run.stdout.splitlines()[-1])


def streams(options):
    """Idle streams of many people over one process: their memory, and how soon what is told to all reaches all."""
    server = yaml(["/usr/bin/taskset", "-c", LOAD_CORE, "/usr/bin/python3", os.path.join(CLIENTS, "announcing_server.py")],
                  isolation="shared", limits="{sessions: 10000}")
    # Hundreds of users: another authorization server knows them, ours would hash a password for each.
    issuer = subprocess.Popen(
        [os.path.join(ROOT, ".venv-jose", "bin", "python"), os.path.join(CLIENTS, "issuer.py")],
        stdout=subprocess.PIPE, text=True)
    port = int(issuer.stdout.readline())
    gateway = SallyportWith(options.work, [f"news: {server}"])
    gateway.path = "/news/mcp"
    gateway.configuration += (
        f"oauth:\n  external_issuers: [{{issuer: 'http://127.0.0.1:{port}', required_scopes: [mcp]}}]\n")
    gateway.spawn()
    try:
        until("Sallyport is ready", lambda: gateway.listening() and gateway.ready())

        def token(number):
            claims = {"sub": f"user{number}", "aud": f"http://localhost:{gateway.port}{gateway.path}"}
            return json.loads(exchange(port, "POST", "/mint", json.dumps({"claims": claims}))[2])["token"]

        # One user may have 32 sessions.
        tokens = [token(number) for number in range((options.crowd + 31) // 32 + 1)]
        report = client("idle_streams.py", {
            "port": gateway.port, "path": gateway.path, "tokens": tokens, "streams": options.crowd, "rounds": 20,
            "pid": gateway.process.pid, "rest": options.rest,
        }, options.work)
    finally:
        gateway.stop()
        issuer.kill()
    each = (report["memory"] - report["before"]) / report["streams"]
    missed = sum(report["streams"] - count for count in report["reached"])
    table(f"{report['streams']:,} idle streams of sessions over one process, after {options.rest} s of rest", [
        ["memory of the gateway", f"{report['memory'] / 2**20:.1f} MiB"],
        ["of which each stream", f"{each / 1024:.1f} KiB"],
        ["streams that ended", report["ended"]],
        ["streams that had signs of life, and how many in all", f"{report['commented']:,}, {report['comments']:,}"],
        ["told to all, median", f"{report['p50']:.0f} ms"], ["p99", f"{report['p99']:.0f} ms"],
        ["the slowest", f"{report['slowest']:.0f} ms"], ["20 times, and missed by", missed],
    ], ["", ""])


WAYS = {
    "beside slow heads (-H)": ["-H", "-i", "8", "-t", "GET", "-x", "24"],
    "beside slow contents (-B)": ["-B", "-i", "8", "-s", "8192", "-t", "POST", "-x", "64"],
    "beside slow readers (-X)": ["-X", "-n", "5", "-w", "32", "-y", "64", "-z", "8", "-k", "3"],
}
TARGETS = ["/live", "/token", "/metrics"]


class SlowClients:
    """slowhttptest with `count` connections, until the block ends."""

    def __init__(self, gateway, way, target, count):
        self.gateway, self.count = gateway, count
        self.words = ["taskset", "-c", LOAD_CORE, "slowhttptest", "-c", str(count), "-r", "1000",
                      "-l", "60", "-p", "5", "-u", f"http://127.0.0.1:{gateway.port}{target}", *way]

    def connections(self):
        text = exchange(self.gateway.port, "GET", "/metrics")[2]
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("sallyport_http_connections "))

    def __enter__(self):
        self.process = subprocess.Popen(
            self.words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.gateway.work)
        until("slow clients", lambda: self.connections() >= self.count * 0.95)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        until("slow clients are gone", lambda: self.connections() < 50)


def slow(options):
    """200 calls a second that are honest, alone and beside 2,000 clients that are too slow; in turns."""
    gateway = SallyportWith(options.work, [f"echo: {yaml(echo_of(options.work))}"])
    gateway.start()
    job = {"port": gateway.port, "path": gateway.path, "token": gateway.token, "session": gateway.session, "rate": 200,
           "seconds": 5}
    results = {name: [] for name in ["alone", *WAYS]}

    def honest():
        begin = processor(gateway.process.pid)
        report = client("honest.py", job, options.work)
        # Beside what the client needs to start, for which the gateway rests.
        return report | {"processor": (processor(gateway.process.pid) - begin) / job["seconds"]}

    try:
        honest()  # warm
        for _ in range(options.rounds):
            results["alone"].append(honest())
            for (name, way), target in zip(WAYS.items(), TARGETS):
                with SlowClients(gateway, way, target, 2000):
                    results[name].append(honest())
        kinds = {"beside slow heads": "heads", "beside slow contents": "contents", "beside slow readers": "readers"}
        patient = client("slow_clients.py", job | {
            "form": "/token", "slow": 2000, "rounds": options.rounds, "kinds": list(kinds.values()), "patience": 0,
            "pid": gateway.process.pid}, options.work)
    finally:
        gateway.stop()
    slow_table("2,000 connections of slowhttptest", results)
    slow_table("2,000 connections of a client that sleeps when it has nothing to do",
               {"alone": patient["alone"]} | {name: patient[kind] for name, kind in kinds.items()})


def slow_table(beside, results):
    base = statistics.median(report["p99"] for report in results["alone"])
    rows = []
    for name, reports in results.items():
        p50, p99, used = (statistics.median(report[key] for report in reports) for key in ("p50", "p99", "processor"))
        rows.append([name, f"{p50:.2f}", f"{p99:.2f}", f"{p99 / base:.2f}", f"{used * 1000:.0f}",
                     sum(report["failed"] for report in reports)])
    table(f"200 calls a second by a client in Python, beside {beside}", rows,
          ["", "ms, median", "ms, p99", "p99, times", "ms of the gateway a second", "errors"])
