"""Opens sessions with an event stream each, lets them rest, and has a server tell all of them something, several times."""

import json
import time

from crowd import call, gather, percentile, read_job


def resident(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))


def measure(job):
    port, path, tokens, count = job["port"], job["path"], job["tokens"], job["streams"]
    first = gather(port, path, tokens[:1], 1)
    before = resident(job["pid"])
    crowd, member = gather(port, path, tokens[1:], count)
    crowd.rest(job.get("rest", 0))
    memory = resident(job["pid"])
    times, reached = [], []
    for number in range(job["rounds"]):
        begin = time.time()
        status, text, _ = member.post(call("announce", number + 1))
        if status != 200 or b'"error"' in text:
            raise RuntimeError(f"announce: {status} {text[:200]}")
        seen = crowd.news(begin)
        reached.append(len(seen))
        times += seen
    first[0].close()
    return {
        "streams": len(crowd.streams), "ended": crowd.ended, "reached": reached, "before": before, "memory": memory,
        "p50": percentile(times, 0.5) * 1000, "p99": percentile(times, 0.99) * 1000,
        "slowest": max(times, default=0) * 1000, "comments": sum(crowd.comments.values()),
        "commented": len(crowd.comments),
    }


if __name__ == "__main__":
    print(json.dumps(measure(read_job())))
