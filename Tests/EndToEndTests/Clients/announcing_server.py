"""A stdio server whose tool `announce` says that the list of tools has changed; `echo` gives back what it got."""

import json
import sys


def write(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def result(request):
    method, params = request["method"], request.get("params", {})
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"], "capabilities": {"tools": {"listChanged": True}},
            "serverInfo": {"name": "announcing", "version": "1"},
        }
    if method == "tools/list":
        return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in ("announce", "echo")]}
    if method == "tools/call":
        if params["name"] == "announce":
            write({"method": "notifications/tools/list_changed"})
        return {"content": [{"type": "text", "text": params.get("arguments", {}).get("message", "")}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        write({"id": message["id"], "result": result(message)})
