"""Half of the load that a gateway can take, for long, with people who come and go; and whether anything grows meanwhile."""

import subprocess
import threading
import time

from contestants import resident, until
from growth import complaints, settled, slope
from processes import SallyportWith, echo_of, yaml
from tables import table

from crowd import Member, call


def look(pid):
    """What must not grow: memory in bytes, descriptors, threads and processes below."""
    with open(f"/proc/{pid}/status") as status:
        threads = next(int(line.split()[1]) for line in status if line.startswith("Threads:"))
    descriptors = int(subprocess.run(f"ls /proc/{pid}/fd | wc -l", shell=True, capture_output=True, text=True).stdout)
    children = len(subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split())
    return resident(pid), descriptors, threads, children


class Visitors:
    """People who log in, open a session, call, hold a stream for a moment, and leave; one after the other."""

    def __init__(self, gateway):
        self.gateway, self.over, self.count, self.failures = gateway, threading.Event(), 0, []
        self.thread = threading.Thread(target=self.run)

    def run(self):
        gateway = self.gateway
        while not self.over.is_set():
            try:
                member = Member(gateway.port, gateway.path, gateway.log_in("visitor")["access_token"])
                member.open()
                stream = member.stream()
                status, text, _ = member.post(call("echo", 1, message="hello"))
                if status != 200 or b"hello" not in text:
                    raise RuntimeError(f"{status} {text[:200]}")
                stream.close()
                member.connection.request("DELETE", gateway.path, None, member.headers())
                member.connection.getresponse().read()
                member.connection.close()
                self.count += 1
            except Exception as problem:  # told in the table
                self.failures.append(repr(problem))
            time.sleep(0.2)


def soak(options):
    gateway = SallyportWith(options.work, [f"echo: {yaml(echo_of(options.work))}"])
    gateway.start()
    visitors = Visitors(gateway)
    try:
        gateway.add_user("visitor")
        # One connection keeps the gateway about half as busy as it can be, since each call waits for the server.
        gateway.load(1, 10)
        visitors.thread.start()
        points, looks, begin, calls, errors = [], [], time.monotonic(), 0, 0
        while time.monotonic() < begin + options.minutes * 60:
            result = gateway.load(1, 10)
            calls, errors = calls + result["requests"], errors + result["status"] + result["socket"]
            seen = look(gateway.process.pid)
            points.append((time.monotonic() - begin, seen[0]))
            looks.append(seen)
        visitors.over.set()
        visitors.thread.join()
        most = max(seen[1] for seen in looks) + 4
        until("what the visitors had is gone", lambda: look(gateway.process.pid)[1] <= most)
        last = look(gateway.process.pid)
    finally:
        visitors.over.set()
        gateway.stop()
    rest = settled(points)
    rise, doubt = slope(rest)
    rows = [["calls", f"{calls:,}", f"{errors} errors"],
            ["visits: login, session, stream, call", f"{visitors.count:,}", f"{len(visitors.failures)} failures"],
            ["memory, after a third and at the end", f"{rest[0][1] / 2**20:.1f}", f"{rest[-1][1] / 2**20:.1f} MiB"],
            ["its slope after the first third", f"{rise / 2**20:+.2f}", f"± {doubt / 2**20:.2f} MiB an hour"]]
    for name, place in {"descriptors": 1, "threads": 2, "children": 3}.items():
        values = [seen[place] for seen in looks]
        rows.append([f"{name}, lowest and highest; at the end", f"{min(values)}–{max(values)}", last[place]])
    table(f"{options.minutes} minutes under load", rows, ["", "", ""])
    for failure in visitors.failures[:5]:
        print("  ", failure)
    wrong = complaints(points, [seen[1:] for seen in looks], errors, len(visitors.failures))
    if wrong:
        raise SystemExit("soak: " + "; ".join(wrong))
    print(f"  nothing grows that could be seen in this time; memory could, by up to {doubt / 2**20:.2f} MiB an hour")
