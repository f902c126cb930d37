"""Calls at a fixed rate, whatever the answers do, and reports how long they took from the moment at which each was due."""

import json
import threading
import time

from crowd import Member, call, percentile, read_job


class Honest:
    """Eight people who take turns: one slow answer delays no other's question."""

    def __init__(self, job):
        self.job, self.times, self.failures, self.lock = job, [], [], threading.Lock()
        self.members = [Member(job["port"], job["path"], job["token"], job.get("session")) for _ in range(8)]
        if not job.get("session"):
            session = self.members[0].open()
            for member in self.members:
                member.session = session

    def speak(self, place, begin):
        member, rate, people = self.members[place], self.job["rate"], len(self.members)
        for number in range(place, int(rate * self.job["seconds"]), people):
            due = begin + number / rate
            time.sleep(max(0, due - time.monotonic()))
            try:
                status, text, _ = member.post(call("echo", number + 1, message="hello"))
                problem = None if status == 200 and b"hello" in text else f"{status} {text[:200]}"
            except OSError as error:
                member.connection.close()
                problem = repr(error)
            with self.lock:
                self.times.append(time.monotonic() - due)
                if problem:
                    self.failures.append(problem)

    def run(self):
        begin = time.monotonic() + 0.05
        threads = [threading.Thread(target=self.speak, args=(place, begin)) for place in range(len(self.members))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {
            "count": len(self.times), "failed": len(self.failures), "failures": self.failures[:5],
            "p50": percentile(self.times, 0.5) * 1000, "p99": percentile(self.times, 0.99) * 1000,
            "slowest": max(self.times) * 1000,
        }


if __name__ == "__main__":
    print(json.dumps(Honest(read_job()).run()))
