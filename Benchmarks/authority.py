"""What the authorization server costs: refreshes, verification, and registered clients."""

import contextlib
import json
import os
import secrets
import sqlite3
import statistics
import subprocess
import time

from contestants import GATEWAY_CORE, LOAD_CORE, Sallyport, resident, until
from tables import table


def tokens(options):
    """Refreshes with rotation, each committed to disk before its answer; 32 families in parallel."""
    gateway = Sallyport(options.work)
    gateway.start()
    try:
        families = [gateway.log_in() | {"client": gateway.client} for _ in range(options.families)]
        run = subprocess.run(
            ["taskset", "-c", LOAD_CORE, "/usr/bin/python3", os.path.join(os.path.dirname(__file__), "refresh.py"),
             str(gateway.port), str(options.seconds * options.rounds)],
            input=json.dumps([[f["client"], f["refresh_token"]] for f in families]), text=True, capture_output=True,
            check=True)
        result = json.loads(run.stdout)
    finally:
        gateway.stop()
    table("token endpoint: refresh with rotation, durable commit before the answer",
          [["Sallyport", f"{result['rate']:,.0f}", result["errors"]]], ["", "refreshes/s", "errors"])


def bearer(options):
    """Verification of our own access tokens in process, on one core: remembered, and with every signature checked."""
    run = subprocess.run(
        ["taskset", "-c", GATEWAY_CORE, options.verification], text=True, capture_output=True, check=True, timeout=120)
    results = [json.loads(line) for line in run.stdout.splitlines()]
    table("bearer verification in process, one core",
          [[r["algorithm"], f"{r['warm']:,.0f}", f"{r['cold']:,.0f}"] for r in results],
          ["", "a second, warm", "every signature checked"])


def clients(options):
    """What many registered clients cost: cold start to /ready and resident memory, with one of them and with all."""
    gateway = Sallyport(options.work)
    gateway.spawn()
    until("Sallyport is ready", lambda: gateway.listening() and gateway.ready())
    gateway.register()
    gateway.stop()
    rows = []
    for count in (1, options.registered):
        fill(os.path.join(gateway.data, "sallyport.db"), count)
        times, sizes = [], []
        for _ in range(options.rounds * 3):
            before = time.monotonic()
            gateway.spawn()
            until("ready", lambda: gateway.listening() and gateway.ready(), step=0.0005)
            times.append((time.monotonic() - before) * 1000)
            gateway.register()
            sizes.append(resident(gateway.process.pid) / 2**20)
            gateway.stop()
        rows.append([f"{count:,}", statistics.median(times), max(times), statistics.median(sizes)])
    growth = rows[1][3] - rows[0][3]
    table(f"registered clients; memory grows by {growth:.1f} MiB",
          [[name, f"{middle:.0f}", f"{slowest:.0f}", f"{size:.1f}"] for name, middle, slowest, size in rows],
          ["clients", "ms to /ready, median", "ms, slowest", "MiB resident"])


def fill(path, count):
    """Copies the registered client until there are `count`: a hundred thousand registrations take minutes by HTTP."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(client)")]
        others = ", ".join(f'"{name}"' for name in columns if name != "id")
        have = database.execute("SELECT count(*) FROM client").fetchone()[0]
        template = database.execute("SELECT id FROM client LIMIT 1").fetchone()[0]
        database.executemany(
            f"INSERT INTO client (id, {others}) SELECT ?, {others} FROM client WHERE id = ?",
            ((secrets.token_urlsafe(32), template) for _ in range(count - have)))
