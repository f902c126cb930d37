"""What is measured: each starts on one core in front of the same trivial stdio server and is asked over HTTP."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "Tests", "EndToEndTests", "Clients"))
sys.dont_write_bytecode = True
import walk  # noqa: E402  (the person at the login pages)

GATEWAY_CORE, LOAD_CORE = "0", "1"
REDIRECT = "http://127.0.0.1:9/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exchange(port, method, path, body=None, headers=None, timeout=30):
    """One HTTP exchange; returns status, headers and text. An event stream is read up to its first answer."""
    connection = http.client.HTTPConnection("localhost", port, timeout=timeout)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        if response.getheader("content-type", "").startswith("text/event-stream"):
            text = ""
            for line in response:
                if line.startswith(b"data:") and line[5:].strip():
                    text = line[5:].strip().decode()
                    break
        else:
            text = response.read().decode()
        return response.status, response, text
    finally:
        connection.close()


def until(what, condition, seconds=30, step=0.01):
    """Waits for a condition, with a deadline."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(step)
    raise TimeoutError(what)


def resident(pid):
    """Resident memory in bytes."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def processor(pid):
    """Seconds of processor time that a process has used."""
    with open(f"/proc/{pid}/stat") as status:
        fields = status.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Contestant:
    """A program under measurement. `address` is what wrk is pointed at."""

    name, path, script = "", "/mcp", "call.lua"
    token = session = ""

    def __init__(self, work):
        self.work, self.port, self.process = work, free_port(), None
        # The server behind it runs on the load's core, so that the gateway has its own.
        self.server = ["/usr/bin/taskset", "-c", LOAD_CORE, os.path.join(work, "stdio-echo")]

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": self.work, "LANG": "C.UTF-8"}

    def spawn(self):
        log = open(os.path.join(self.work, self.name.replace("/", "_").replace(" ", "-") + ".log"), "ab")
        self.process = subprocess.Popen(
            ["taskset", "-c", GATEWAY_CORE, *self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=self.environment(), cwd=self.work, start_new_session=True,
        )

    def listening(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.process.returncode}; see its log in {self.work}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def start(self):
        self.spawn()
        until(f"{self.name} listens", self.listening)
        self.prepare()

    def prepare(self):
        self.session = self.open_session()
        status, _, text = self.call()
        if status != 200 or "hello" not in text:
            raise RuntimeError(f"{self.name}: {status} {text[:300]}")

    def headers(self):
        fields = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self.token:
            fields["Authorization"] = f"Bearer {self.token}"
        if self.session:
            fields |= {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": "2025-06-18"}
        return fields

    def open_session(self):
        self.session = ""
        hello = {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"},
        }
        message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        status, response, text = exchange(self.port, "POST", self.path, json.dumps(message), self.headers())
        if status != 200:
            raise RuntimeError(f"{self.name}: initialize: {status} {text[:300]}")
        self.session = response.getheader("mcp-session-id") or ""
        message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        exchange(self.port, "POST", self.path, json.dumps(message), self.headers())
        return self.session

    def call(self):
        params = {"name": "echo", "arguments": {"message": "hello"}}
        message = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}
        return exchange(self.port, "POST", self.path, json.dumps(message), self.headers())

    def load(self, connections, seconds):
        """One round of wrk; returns its numbers."""
        environment = {**os.environ, "BENCH_TOKEN": self.token, "BENCH_SESSION": self.session}
        url = f"http://localhost:{self.port}{self.path}"
        command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s"]
        run = subprocess.run(
            [*command, os.path.join(ROOT, "Benchmarks", self.script), url], env=environment, capture_output=True,
            text=True, timeout=seconds + 60,
        )
        for line in run.stdout.splitlines():
            if line.startswith("{"):
                numbers = json.loads(line)
                numbers["rate"] = numbers["requests"] / (numbers["microseconds"] / 1e6)
                return numbers
        raise RuntimeError(f"wrk against {self.name}: {run.stdout} {run.stderr}")

    def stop(self):
        if self.process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass
            try:
                self.process.wait(5)
                break
            except subprocess.TimeoutExpired:
                continue
        self.process = None


class Sallyport(Contestant):
    """Sallyport with everything on: OAuth, durable SQLite, one local account."""

    name, path = "Sallyport", "/echo/mcp"
    binary = ""
    logins = 0
    configuration = "rate_limits: {registration: 10000/min}\n"

    def command(self):
        self.data = os.path.join(self.work, f"data-{self.port}")
        file = os.path.join(self.work, f"sallyport-{self.port}.yaml")
        with open(file, "w") as out:
            args = ", ".join(json.dumps(word) for word in self.server[1:])
            out.write(f"servers:\n  echo: {{command: {self.server[0]}, args: [{args}], limits: {{sessions: 250}}}}\n"
                      f"{self.configuration}")
        os.chmod(file, 0o600)
        return [self.binary, "serve", "--config", file, "--listen", f"127.0.0.1:{self.port}", "--data-dir", self.data]

    def ready(self):
        try:
            return exchange(self.port, "GET", "/ready", timeout=2)[0] == 200
        except OSError:
            return False

    def start(self):
        self.start_without_session()
        self.token = self.log_in()["access_token"]
        self.prepare()

    def start_without_session(self):
        self.spawn()
        until("Sallyport is ready", lambda: self.listening() and self.ready())
        self.add_user("bench")

    def add_user(self, name):
        subprocess.run(
            [self.binary, "user", "add", name, "--password-stdin", "--data-dir", self.data], input="bench password\n",
            text=True, check=True, capture_output=True, env=self.environment(),
        )

    def register(self):
        metadata = {
            "client_name": "bench", "redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
        }
        status, _, text = exchange(
            self.port, "POST", "/register", json.dumps(metadata), {"Content-Type": "application/json"})
        if status != 201:
            raise RuntimeError(f"/register: {status} {text}")
        return json.loads(text)["client_id"]

    def log_in(self, user="bench"):
        self.client = self.register()
        resource = f"http://localhost:{self.port}{self.path}"
        query = urllib.parse.urlencode({
            "response_type": "code", "client_id": self.client, "redirect_uri": REDIRECT, "state": "s",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256", "resource": resource,
        })
        # Pages are limited for each address: every login comes from another one.
        type(self).logins += 1
        source = f"127.0.1.{self.logins % 250 + 1}"
        back = walk.walk(
            f"http://localhost:{self.port}/authorize?{query}", REDIRECT, user, "bench password", source)
        return self.tokens({
            "grant_type": "authorization_code", "code": walk.query(back)["code"], "code_verifier": VERIFIER,
            "client_id": self.client, "redirect_uri": REDIRECT, "resource": resource,
        })

    def tokens(self, form):
        status, _, text = exchange(
            self.port, "POST", "/token", urllib.parse.urlencode(form),
            {"Content-Type": "application/x-www-form-urlencoded"})
        if status != 200:
            raise RuntimeError(f"/token: {status} {text}")
        return json.loads(text)


class SallyportVerify(Sallyport):
    """`/verify` as a proxy asks it, with a token that has been seen before."""

    name, script = "Sallyport /verify", "verify.lua"
    configuration = Sallyport.configuration + "trusted_proxies: [127.0.0.0/8]\n"

    def prepare(self):
        os.environ["BENCH_TARGET"] = f"localhost:{self.port}{self.path}"
        self.path = "/verify"
        status, response, _ = exchange(self.port, "GET", self.path, None, self.headers())
        assert status == 200 and response.getheader("x-user-name") == "bench", status


class SallyportAggregate(Sallyport):
    """Twenty servers with fifty tools each, behind /mcp."""

    name, path = "Sallyport, 20 servers", "/mcp"

    def command(self):
        words = super().command()
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "many_tools.py")
        servers = "".join(
            f"  s{number}: {{command: /usr/bin/taskset, args: [-c, '{LOAD_CORE}', /usr/bin/python3, -I, {json.dumps(script)}]}}\n"
            for number in range(20))
        with open(words[words.index("--config") + 1], "w") as out:
            out.write(f"servers:\n{servers}{self.configuration}")
        return words

    def prepare(self):
        self.session = self.open_session()


class SallyportBridge(Contestant):
    """`sallyport bridge`: the same without OAuth, which is what the peers do."""

    name = "Sallyport bridge, no OAuth"

    def command(self):
        return [Sallyport.binary, "bridge", "--listen", f"127.0.0.1:{self.port}", "--", *self.server]
