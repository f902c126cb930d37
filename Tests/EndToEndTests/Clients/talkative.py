"""A stdio MCP server that says on standard error what it does: one line for each call, before it answers.

`say` answers at once, `hold` when `release` was called. Only the standard library.
"""

import json
import sys

held = []


def answer(request, result):
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}), flush=True)


def say(request, text):
    answer(request, {"content": [{"type": "text", "text": text}], "isError": False})


def complain(text):
    print(text, file=sys.stderr, flush=True)


def call(request):
    name, message = request["params"]["name"], request["params"].get("arguments", {}).get("message", "")
    complain("%s %s" % (name, message))
    if name == "hold":
        return held.append(request)
    while name == "release" and held:
        say(held.pop(), "held")
    say(request, message)


complain("begins")
for line in sys.stdin:
    request = json.loads(line)
    method = request.get("method")
    if method == "initialize":
        complain("greeted")
        version = request["params"]["protocolVersion"]
        info = {"name": "talkative", "version": "1"}
        answer(request, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info})
    elif method == "tools/list":
        answer(request, {"tools": [{"name": n, "inputSchema": {"type": "object"}} for n in ("say", "hold", "release")]})
    elif method == "tools/call":
        call(request)
    elif "id" in request:
        answer(request, {})
complain("ends")
