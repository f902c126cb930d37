"""A stdio server whose one tool is described by a file, read when the server starts."""

import json
import sys

description = open(sys.argv[1]).read()

for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue
    answer = {"jsonrpc": "2.0", "id": request["id"]}
    method = request["method"]
    if method == "initialize":
        answer["result"] = {
            "protocolVersion": request["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "changing", "version": "1"},
        }
    elif method == "tools/list":
        tool = {"name": "greet", "description": description, "inputSchema": {"type": "object"}}
        answer["result"] = {"tools": [tool]}
    elif method == "tools/call":
        answer["result"] = {"content": [{"type": "text", "text": "hello"}]}
    else:
        answer["error"] = {"code": -32601, "message": "Method not found"}
    print(json.dumps(answer), flush=True)
