"""Whether anything grew during a soak. Nothing but arithmetic, so that a test can show that it says no. Only the standard library."""

import statistics

# What F28 allows: bytes an hour.
MEMORY = 2 ** 20
# By how many each may be more in the last third than it ever was in the first: visitors come and go.
ROOM = {"descriptors": 4, "threads": 1, "children": 1}


def slope(points):
    """The straight line through (seconds, bytes): bytes an hour, and how far off that may be (two standard errors)."""
    times, values = zip(*points)
    middle, mean = statistics.fmean(times), statistics.fmean(values)
    spread = sum((t - middle) ** 2 for t in times)
    rise = sum((t - middle) * (v - mean) for t, v in points) / spread
    rest = sum((v - mean - rise * (t - middle)) ** 2 for t, v in points)
    error = (rest / max(1, len(points) - 2) / spread) ** 0.5
    return 3600 * rise, 2 * 3600 * error


def settled(points):
    """Without the first third, in which pools and caches fill."""
    return points[len(points) // 3:]


def complaints(memory, looks, errors, failures):
    """What is wrong: `memory` is (seconds, bytes) in order, `looks` the counts of each of ROOM in order."""
    found = []
    if errors:
        found.append(f"{errors} calls failed")
    if failures:
        found.append(f"{failures} visits failed")
    if len(memory) < 6:
        return found + ["too short: six looks at the least, ten seconds each"]
    rise, doubt = slope(settled(memory))
    if rise - doubt > MEMORY:
        found.append(f"memory grows by {rise / 2**20:.2f} ± {doubt / 2**20:.2f} MiB an hour")
    third = len(looks) // 3
    for place, (name, room) in enumerate(ROOM.items()):
        early, late = max(look[place] for look in looks[:third]), max(look[place] for look in looks[-third:])
        if late > early + room:
            found.append(f"{name} grow: {late} in the last third, {early} in the first")
    return found
