"""Begins new TLS connections until a file appears, and reports how many failed. Only the standard library."""

import json
import os
import socket
import ssl
import sys
import time

if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    # Who issued the certificate changes on the way, and is asked elsewhere.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    count, failures = 0, []
    request = f"GET /live HTTP/1.1\r\nHost: {job['host']}\r\nConnection: close\r\n\r\n".encode()
    while not os.path.exists(job["until"]):
        try:
            with socket.create_connection(("127.0.0.1", job["port"]), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname=job["host"]) as connection:
                    connection.sendall(request)
                    if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
                        failures.append("no answer")
            count += 1
        except (OSError, ssl.SSLError) as error:
            failures.append(repr(error))
        time.sleep(0.02)
    print(json.dumps({"count": count, "failed": len(failures), "failures": failures[:5]}))
