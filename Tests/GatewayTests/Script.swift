/// A stdio server that behaves, and misbehaves on command; only Python's standard library.
enum Script {
    static let server = #"""
        import json, os, random, signal, subprocess, sys, threading, time
        out, lock = sys.stdout.buffer, threading.Lock()
        questions = {}
        def write(data):
            with lock:
                out.write(data if isinstance(data, bytes) else data.encode())
                out.flush()
        def send(message):
            write(json.dumps(message) + "\n")
        def result(request, value):
            send({"jsonrpc": "2.0", "id": request["id"], "result": value})
        def say(request, text):
            result(request, {"content": [{"type": "text", "text": text}], "isError": False})
        def note(method, params):
            send({"jsonrpc": "2.0", "method": method, "params": params})
        def ask(request, method, params):
            def answered(message):
                say(request, json.dumps(message.get("result", message.get("error"))))
            questions["q-%s" % request["id"]] = answered
            send({"jsonrpc": "2.0", "id": "q-%s" % request["id"], "method": method, "params": params})
        def later(seconds, action):
            timer = threading.Timer(seconds, action)
            timer.daemon = True
            timer.start()
        def call(request):
            params = request["params"]
            mode, arguments, meta = params["name"], params.get("arguments", {}), params.get("_meta", {})
            if mode == "echo": say(request, arguments.get("message", ""))
            elif mode == "fails": result(request, {"content": [], "isError": True})
            elif mode == "meta": say(request, json.dumps(meta))
            elif mode == "environment": say(request, json.dumps(dict(os.environ)))
            elif mode == "pid": say(request, str(os.getpid()))
            elif mode == "sleep": later(arguments["seconds"], lambda: say(request, "slept"))
            elif mode == "random": later(random.random() * 0.005, lambda: say(request, arguments["message"]))
            elif mode == "hang": pass
            elif mode == "progress":
                for step in (1, 2, 3):
                    note("notifications/progress", {"progressToken": meta.get("progressToken"), "progress": step})
                    time.sleep(arguments.get("pause", 0))
                say(request, "done")
            elif mode == "log":
                note("notifications/message", {"level": "info", "data": "hello"})
                say(request, "logged")
            elif mode == "changed":
                for _ in range(arguments.get("count", 1)): note("notifications/tools/list_changed", {})
                say(request, "changed")
            elif mode == "sample": ask(request, "sampling/createMessage", {"messages": []})
            elif mode == "elicit": ask(request, "elicitation/create", {"message": "?"})
            elif mode == "late-ask":
                say(request, "soon")
                later(0.2, lambda: send({"jsonrpc": "2.0", "id": 77, "method": "elicitation/create", "params": {"message": "late"}}))
            elif mode == "answers": say(request, json.dumps(answers))
            elif mode == "exit": os._exit(3)
            elif mode == "kill": os.kill(os.getpid(), signal.SIGKILL)
            elif mode == "freeze": time.sleep(3600)
            elif mode == "flood-stderr":
                for _ in range(arguments["kib"]): sys.stderr.write("x" * 1023 + "\n")
                say(request, "flooded")
            elif mode == "flood":
                for _ in range(arguments["count"]): note("notifications/message", {"level": "info", "data": "n" * 1000})
                say(request, "flooded")
            elif mode == "garbage":
                for _ in range(arguments["lines"]): write(arguments["text"] + "\n")
                say(request, "after")
            elif mode == "babble":
                for _ in range(arguments["lines"]): write("no\n")
                time.sleep(3600)
            elif mode == "stall":
                time.sleep(arguments["seconds"])
                say(request, "stalled")
            elif mode == "raw":
                write(bytes.fromhex(arguments["hex"]) + b"\n")
                say(request, "after")
            elif mode == "half-line": write('{"jsonrpc":"2.0","id":%d,' % request["id"])
            elif mode == "huge":
                write('{"jsonrpc":"2.0","method":"x","params":"' + "h" * (9 << 20) + '"}\n')
                say(request, "after")
            elif mode == "big": say(request, "b" * arguments["bytes"])
            elif mode == "close-stdout": os.close(1); time.sleep(3600)
            elif mode == "close-stdin": os.close(0); say(request, "closed"); time.sleep(3600)
            elif mode == "grandchild":
                child = subprocess.Popen(["setsid", "sleep", "988"], stderr=subprocess.DEVNULL)
                say(request, str(child.pid))
                time.sleep(0.05)
                os._exit(0)
            elif mode == "twice":
                say(request, "first")
                say(request, "second")
        answers = []
        if "crash" in sys.argv: sys.exit(7)
        if "never" in sys.argv: time.sleep(3600)
        if "slow" in sys.argv: time.sleep(0.5)
        for line in sys.stdin:
            message = json.loads(line)
            method = message.get("method")
            if method == "initialize":
                wanted = message["params"]["protocolVersion"]
                known = ("2025-03-26", "2025-06-18", "2025-11-25")
                if "refuse" in sys.argv:
                    send({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32602, "message": "no"}})
                else:
                    result(message, {"protocolVersion": wanted if wanted in known else known[-1], "capabilities": {"tools": {}}, "serverInfo": {"name": "test", "version": "1"}})
            elif method == "tools/call": call(message)
            elif method == "ping": result(message, {})
            elif method == "tools/list": result(message, {"tools": []})
            elif method == "notifications/cancelled": answers.append(message["params"])
            elif method is None:
                answers.append(message)
                if message["id"] in questions: questions.pop(message["id"])(message)
            elif "id" in message: send({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}})
        """#
}
