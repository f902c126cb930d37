"""A stdio server with fifty tools, one of the twenty behind the aggregate that `./bench aggregate` measures."""

import json
import sys

TOOLS = [
    {
        "name": f"tool_{number}", "description": "what it does, in a sentence of usual length for such a tool " * 2,
        "inputSchema": {"type": "object", "properties": {"subject": {"type": "string"}, "limit": {"type": "integer"}}},
    }
    for number in range(50)
]

for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message:
        continue
    result = {}
    if message["method"] == "initialize":
        result = {
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {"listChanged": True}}, "serverInfo": {"name": "many", "version": "1"},
        }
    elif message["method"] == "tools/list":
        result = {"tools": TOOLS}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
