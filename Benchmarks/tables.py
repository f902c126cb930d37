"""What the tables have in common: how they are printed, and one timed call."""

import time


def table(title, rows, columns):
    print(f"\n{title}")
    rows = [columns, *rows]
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(columns))]
    for index, row in enumerate(rows):
        first, *rest = (str(cell) for cell in row)
        print("  " + first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(rest, widths[1:])), sep="  ")
        if index == 0:
            print("  " + "  ".join("-" * width for width in widths))


def timed(connection, path, message, headers, method="POST"):
    """Milliseconds of one call over a connection that stays, its answer and its fields. The token is for localhost."""
    headers = {"Host": f"localhost:{connection.port}", **headers}
    before = time.perf_counter()
    connection.request(method, path, message, headers)
    response = connection.getresponse()
    text = response.read()
    spent = (time.perf_counter() - before) * 1000
    if response.status // 100 != 2:
        raise RuntimeError(f"{response.status} {text[:300]}")
    return spent, text, response
