"""Takes connections until a gateway has no descriptor to spare, sees what still works, and lets go again."""

import http.client
import json
import os
import time

from crowd import Member, call, gather, read_job


def processor_time(pid):
    """Seconds of the processor that a process has used."""
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ask(port):
    """A connection that stays, and the status of what it asked."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/live", headers={"Host": f"localhost:{port}"})
        response = connection.getresponse()
        response.read()
        return connection, response.status
    except OSError as problem:
        return connection, type(problem).__name__


def measure(job):
    port, path, pid = job["port"], job["path"], job["pid"]
    crowd, member = gather(port, path, job["tokens"][:1], job["streams"])
    held, refusals = [], 0
    while refusals < 20 and len(held) < 1000:
        connection, status = ask(port)
        if status == 200:
            held.append(connection)
        else:
            connection.close()
            refusals += 1
    # While nothing is left: whoever asks is turned away, whoever is there is served.
    begin, used = time.monotonic(), processor_time(pid)
    answers, reached, calls = {}, [], 0
    while time.monotonic() < begin + job["seconds"]:
        connection, status = ask(port)
        connection.close()
        answers[str(status)] = answers.get(str(status), 0) + 1
        asked = time.time()
        status, text, _ = member.post(call("announce", len(reached) + 1, message="hello"))
        calls += status == 200 and b"hello" in text
        reached.append(len(crowd.news(asked)))
        crowd.rest(0.1)
    share = (processor_time(pid) - used) / (time.monotonic() - begin)
    for connection in held:
        connection.close()
    begin = time.monotonic()
    while True:
        connection, status = ask(port)
        connection.close()
        if status == 200 or time.monotonic() > begin + 10:
            break
    newcomer = Member(port, path, job["tokens"][1])
    newcomer.open()
    stream = newcomer.stream()
    full = time.monotonic() - begin
    stream.close()
    return {
        "held": len(held), "answers": answers, "reached": reached, "calls": calls, "rounds": len(reached),
        "share": share, "ended": crowd.ended, "full": full, "status": status,
    }


if __name__ == "__main__":
    print(json.dumps(measure(read_job())))
