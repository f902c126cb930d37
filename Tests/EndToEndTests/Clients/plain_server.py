"""Two upstreams without any login: an MCP server of the official SDK that tells who it was told is asking, and a socket that
keeps the bytes of every request head it sees, as they are."""

import base64
import json
import socket
import sys
import threading

from mcp.server.mcpserver import Context, MCPServer


def record(port, path):
    """Answers every request with 200 and appends its head to the file, one base64 line each."""

    def serve(connection):
        with connection:
            data = b""
            while b"\r\n\r\n" not in data:
                piece = connection.recv(65536)
                if not piece:
                    return
                data += piece
            with open(path, "a") as file:
                file.write(base64.b64encode(data.split(b"\r\n\r\n")[0]).decode() + "\n")
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    listener = socket.create_server(("127.0.0.1", port))
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def main():
    job = json.loads(sys.argv[1])
    threading.Thread(target=record, args=(job["raw_port"], job["raw_file"]), daemon=True).start()
    server = MCPServer("plain")

    @server.tool()
    def whoami(context: Context) -> str:
        """The identity headers of this request, and whether a credential came along."""
        headers = context.request_context.request.headers
        names = ["x-user-id", "x-user-name", "x-user-email", "x-client-id", "x-scope", "x-auth-token", "authorization"]
        return json.dumps({name: headers.getlist(name) for name in names if name in headers})

    server.run("streamable-http", host="127.0.0.1", port=job["port"])


main()
