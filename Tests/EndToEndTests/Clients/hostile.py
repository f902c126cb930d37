"""A stdio MCP server that misbehaves on command: `tools/call` with the mode as the tool's name.

It speaks just enough MCP to be initialized. Only the standard library.
"""

import json
import os
import signal
import subprocess
import sys
import time

out = sys.stdout.buffer


def write(text):
    out.write(text if isinstance(text, bytes) else text.encode())
    out.flush()


def answer(request, result):
    write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}) + "\n")


def say(request, text):
    answer(request, {"content": [{"type": "text", "text": text}], "isError": False})


def forever():
    while True:
        time.sleep(3600)


def flood(stream, total):
    block = (b"x" * 1023 + b"\n") * 1024
    for _ in range(total // len(block)):
        stream.write(block)
    stream.flush()


def call(request):
    mode, arguments = request["params"]["name"], request["params"].get("arguments", {})
    if mode == "echo":
        say(request, arguments.get("message", ""))
    elif mode == "pid":
        say(request, str(os.getpid()))
    elif mode == "exit":
        os._exit(3)
    elif mode == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif mode == "hang":
        pass
    elif mode == "freeze":
        forever()
    elif mode == "flood-stderr":
        flood(sys.stderr.buffer, arguments.get("bytes", 64 << 20))
        say(request, "flooded")
    elif mode == "flood-stdout":
        flood(out, arguments.get("bytes", 64 << 20))
        say(request, "flooded")
    elif mode == "notifications":
        note = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "n"}})
        for _ in range(arguments.get("count", 1000)):
            write(note + "\n")
        say(request, "noted")
    elif mode == "garbage":
        write(b"not json\n\xff\xfe\x00\n{\"jsonrpc\":\n[[[[\n\x00\x00\n{}\nnull\n42\n\"text\"\n")
        write(json.dumps({"jsonrpc": "2.0", "id": 987654321, "result": {}}) + "\n")
        write(json.dumps({"jsonrpc": "2.0", "id": "nobody", "error": {"code": 1, "message": "m"}}) + "\n")
        say(request, "after the garbage")
    elif mode == "malformed":
        generator = __import__("random").Random(arguments.get("seed", 1))
        for _ in range(arguments.get("lines", 80)):
            write(bytes(generator.randrange(256) for _ in range(generator.randrange(1, 200))).replace(b"\n", b"") + b"\n")
            say_note()
        say(request, "after the malformed")
    elif mode == "half-line":
        write('{"jsonrpc":"2.0","id":' + json.dumps(request["id"]) + ',"result":{"content":[')
    elif mode == "huge-line":
        write(b'{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"' + b"h" * (12 << 20) + b'"}}\n')
        say(request, "after the huge line")
    elif mode == "close-stdout":
        os.close(1)
        forever()
    elif mode == "close-stdin":
        os.close(0)
        say(request, "stdin is closed")
        forever()
    elif mode == "grandchild":
        # Keeps our standard output open after we are gone, out of our process group.
        child = subprocess.Popen(["setsid", "sleep", arguments.get("seconds", "986")], stderr=subprocess.DEVNULL)
        say(request, str(child.pid))
        if arguments.get("exit"):
            os._exit(0)
    elif mode == "tree":
        subprocess.Popen(["sh", "-c", f"sh -c 'setsid sleep {arguments['mark']}' & exec sleep {arguments['mark']}"])
        say(request, "planted")
    elif mode == "attempt":
        # One attempt or several, as `name=target`.
        from attempts import attempt

        words = arguments["attempts"]
        say(request, json.dumps({word: attempt(*(word.split("=", 1) + [""])[:2]) for word in words}))
    elif mode == "inside":
        status = open("/proc/self/status").read()
        say(request, json.dumps({
            "environment": dict(os.environ),
            "descriptors": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")),
            "status": dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line),
            "directory": os.getcwd(), "arguments": sys.argv, "session": os.getsid(0), "group": os.getpgid(0),
            "pid": os.getpid(),
        }))
    else:
        write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32602, "message": f"unknown tool {mode}"}}) + "\n")


def say_note():
    write(json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "debug", "data": 1}}) + "\n")


def main():
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "banner" in sys.argv:
        write("Welcome to a chatty server\nready!\n")
    if "never" in sys.argv:
        forever()
    if "crash" in sys.argv:
        sys.exit(7)
    for line in sys.stdin:
        message = json.loads(line)
        method = message.get("method")
        if method == "initialize":
            version = message["params"]["protocolVersion"]
            answer(message, {
                "protocolVersion": version if version < "2026" else "2025-11-25",
                "capabilities": {"tools": {}, "logging": {}}, "serverInfo": {"name": "hostile", "version": "1"},
            })
        elif method == "tools/list":
            names = ["echo", "pid", "exit", "hang", "inside"]
            answer(message, {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names]})
        elif method == "tools/call":
            call(message)
        elif method == "ping":
            answer(message, {})
        elif "id" in message and method:
            write(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}}) + "\n")
    if "stubborn" in sys.argv:
        forever()


main()
