"""Opens many event streams, keeps some callers busy, has the gateway stop, and tells how everybody's connection ended."""

import errno
import http.client
import json
import os
import signal
import threading
import time

from crowd import Member, call, gather, read_job


def work(job, token, seen):
    """Calls one after the other over one connection until that is closed in order, or nobody listens any more."""
    member = Member(job["port"], job["path"], token)
    member.open()
    number = 0
    while True:
        number += 1
        try:
            status, text, response = member.post(call("echo", number, message="here"))
        except OSError as error:
            seen.append("over" if error.errno == errno.ECONNREFUSED else f"broken: {error!r}")
            return
        except http.client.HTTPException as error:
            seen.append(f"broken: {error!r}")
            return
        if status != 200 or b"here" not in text:
            seen.append(f"{status} {text[:200]}")
            return
        seen.append("answered")
        if response.getheader("connection") == "close":
            seen.append("over")
            return


def measure(job):
    crowd, _ = gather(job["port"], job["path"], job["tokens"], job["streams"])
    seen = []
    workers = [threading.Thread(target=work, args=(job, token, seen)) for token in job["tokens"][-4:]]
    for worker in workers:
        worker.start()
    while seen.count("answered") < 50 and any(worker.is_alive() for worker in workers):
        time.sleep(0.01)
    os.kill(job["pid"], signal.SIGTERM)
    tails, deadline = {}, time.monotonic() + 30
    while crowd.streams and time.monotonic() < deadline:
        for number, data, _ in crowd.read(0.1):
            tails[number] = (tails.get(number, b"") + data)[-5:]
    for worker in workers:
        worker.join(30)
    return {
        "ended": crowd.ended, "whole": sum(tail == b"0\r\n\r\n" for tail in tails.values()),
        "over": seen.count("over"), "faults": [word for word in seen if word not in ("answered", "over")],
    }


if __name__ == "__main__":
    print(json.dumps(measure(read_job())))
