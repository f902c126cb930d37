"""Holds memory so that a control group stands at a share of its bound that a file names, as the gateway counts it, and says in
another file at which it stands. Only the standard library."""

import json
import mmap
import os
import sys
import time

STEP = 1 << 20
NEAR = 0.006


def number(path):
    with open(path) as file:
        return int(file.read())


def reclaimable(folder, names):
    with open(f"{folder}/memory.stat") as stat:
        return sum(int(line.split()[1]) for line in stat if line.split()[0] in names)


def main(job):
    folder = job["folder"]
    if os.path.exists(f"{folder}/memory.max"):
        files, names = ("memory.current", "memory.max"), ("inactive_file", "active_file")
    else:
        files = ("memory.usage_in_bytes", "memory.limit_in_bytes")
        names = ("total_inactive_file", "total_active_file")
    limit, held = number(f"{folder}/{files[1]}"), []
    while True:
        with open(job["wanted"]) as file:
            wanted = float(file.read())
        share = (number(f"{folder}/{files[0]}") - reclaimable(folder, names)) / limit
        if share < wanted - NEAR:
            held.append(mmap.mmap(-1, STEP))
            for place in range(0, STEP, 4096):
                held[-1][place] = 1
        elif share > wanted + NEAR and held:
            held.pop().close()
        else:
            with open(job["stands"] + ".new", "w") as file:
                file.write(str(wanted))
            os.rename(job["stands"] + ".new", job["stands"])
            time.sleep(0.02)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
