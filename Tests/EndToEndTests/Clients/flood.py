"""Large requests from everywhere at once, and beside them somebody who only looks whether the gateway lives."""

import collections
import http.client
import json
import threading
import time

from crowd import Member, call, read_job


class Flood:
    def __init__(self, job):
        self.job, self.over = job, threading.Event()
        self.answers, self.problems, self.lock = collections.Counter(), collections.Counter(), threading.Lock()
        self.message = call("echo", 1, message="x" * job["bytes"])

    def sender(self, token):
        member = Member(self.job["port"], self.job["path"], token)
        while not self.over.is_set():
            try:
                if not member.session:
                    member.open()
                status, _, response = member.post(self.message)
                if response.getheader("connection") == "close":
                    member.connection.close()
                with self.lock:
                    self.answers[status] += 1
            except RuntimeError as problem:
                with self.lock:
                    self.answers[int(str(problem).split()[1])] += 1
                time.sleep(0.05)
            except (OSError, http.client.HTTPException) as problem:
                # Whoever is refused in the middle of a large request may see no more than the end of the connection.
                member.connection.close()
                with self.lock:
                    self.problems[type(problem).__name__] += 1

    def alive(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.job["port"], timeout=10)
        try:
            connection.request("GET", "/live", headers={"Host": f"localhost:{self.job['port']}"})
            return connection.getresponse().status
        except OSError as problem:
            return type(problem).__name__
        finally:
            connection.close()

    def run(self):
        threads = [threading.Thread(target=self.sender, args=(token,)) for token in self.job["tokens"]]
        for thread in threads:
            thread.start()
        looks = collections.Counter()
        end = time.monotonic() + self.job["seconds"]
        while time.monotonic() < end:
            looks[self.alive()] += 1
            time.sleep(0.05)
        self.over.set()
        for thread in threads:
            thread.join()
        member = Member(self.job["port"], self.job["path"], self.job["tokens"][0])
        begin = time.monotonic()
        status = None
        while status != 200 and time.monotonic() < begin + 20:
            try:
                member.session or member.open()
                status = member.post(call("echo", 2, message="hello"))[0]
            except (OSError, RuntimeError, http.client.HTTPException):
                member.connection.close()
                time.sleep(0.05)
        return {
            "answers": {str(key): count for key, count in self.answers.items()},
            "looks": {str(key): count for key, count in looks.items()}, "problems": dict(self.problems),
            "after": status, "recovery": time.monotonic() - begin,
        }


if __name__ == "__main__":
    print(json.dumps(Flood(read_job()).run()))
