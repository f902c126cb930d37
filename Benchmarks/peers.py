"""Programs of others that do a part of the same, measured beside it."""

import os
import subprocess

from contestants import LOAD_CORE, ROOT, Contestant, exchange, until


class StreamableProxy(Contestant):
    name = "mcp-streamablehttp-proxy 0.2.0"

    def command(self):
        program = os.path.join(ROOT, ".venv-peers", "bin", "mcp-streamablehttp-proxy")
        return [program, "--port", str(self.port), "--log-level", "error", *self.server]


class McpProxy(Contestant):
    name = "mcp-proxy 0.13.0"

    def command(self):
        program = os.path.join(ROOT, ".venv-peers", "bin", "mcp-proxy")
        return [program, "--port", str(self.port), "--log-level", "ERROR", "--pass-environment", "--", *self.server]


class FastMCPProxy(Contestant):
    name = "FastMCP 4.1 proxy"

    def command(self):
        server = {"mcpServers": {"echo": {"command": self.server[0], "args": self.server[1:]}}}
        code = (
            "from fastmcp.server import create_proxy; "
            f"create_proxy({server!r}).run(transport='http', host='127.0.0.1', port={self.port}, "
            "show_banner=False, log_level='ERROR')"
        )
        return [os.path.join(ROOT, ".venv-fastmcp", "bin", "python"), "-c", code]

    def environment(self):
        return {**super().environment(), "FASTMCP_CHECK_FOR_UPDATES": "off"}


class Nginx(Contestant):
    """nginx doing what it does: `mode` is constant, proxy_pass or auth_request."""

    script = "plain.lua"
    path = "/"

    def __init__(self, work, mode):
        super().__init__(work)
        self.mode, self.name, self.upstream = mode, f"nginx {mode}", None

    def configuration(self, body):
        file = os.path.join(self.work, f"nginx-{self.port}.conf")
        with open(file, "w") as out:
            out.write(f"""
                worker_processes 1; daemon off; pid {file}.pid; error_log {file}.err; user root;
                events {{ worker_connections 1024; }}
                http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {file}.body;
                proxy_temp_path {file}.proxy; fastcgi_temp_path {file}.f; uwsgi_temp_path {file}.u;
                scgi_temp_path {file}.s; {body} }}
            """)
        return ["/usr/sbin/nginx", "-p", self.work, "-c", file]

    def command(self):
        answer = 'default_type application/json; return 200 \'{"jsonrpc":"2.0","id":1,"result":{"content":[]}}\';'
        if self.mode == "constant":
            return self.configuration(f"server {{ listen 127.0.0.1:{self.port}; location / {{ {answer} }} }}")
        self.upstream = Nginx(self.work, "constant")
        self.upstream.process = subprocess.Popen(
            ["taskset", "-c", LOAD_CORE, *self.upstream.command()], start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until("nginx upstream", self.upstream.listening)
        forward = 'proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection "";'
        auth = "auth_request /check;" if self.mode == "auth_request" else ""
        return self.configuration(f"""
            upstream back {{ server 127.0.0.1:{self.upstream.port}; keepalive 128; keepalive_requests 100000000; }}
            server {{ listen 127.0.0.1:{self.port};
                location / {{ {auth} {forward} }}
                location = /check {{ internal; {forward} proxy_pass_request_body off; }} }}""")

    def prepare(self):
        assert exchange(self.port, "GET", "/")[0] == 200

    def stop(self):
        super().stop()
        if self.upstream:
            self.upstream.stop()
