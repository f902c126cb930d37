"""A network of its own in which every address of the world answers, and a gateway in it that is given addresses to fetch.

Run inside a fresh network namespace. Reports for each address what the gateway said and who was connected to.
"""

import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

PORTS = [80, 443, 6379, 8443]
GATEWAY = 18080
CALLBACK = "https://app.test/cb"


def network():
    """Every address is local: what is sent anywhere arrives here."""
    for command in ["link set lo up", "route add local default dev lo", "-6 route add local default dev lo"]:
        subprocess.run(["ip", *command.split()], check=True)


class Canaries:
    """Listeners on every address; they count by the address that was meant."""

    def __init__(self):
        self.seen, self.lock = [], threading.Lock()
        for port in PORTS:
            listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
            threading.Thread(target=self.accept, args=(listener, port), daemon=True).start()

    def accept(self, listener, port):
        while True:
            connection, _ = listener.accept()
            with self.lock:
                self.seen.append(f"{connection.getsockname()[0]} {port}")
            connection.close()

    def take(self):
        with self.lock:
            seen, self.seen = self.seen, []
        return seen


class Asker:
    """Asks the gateway, each time from another address of 127.0.0.0/8: its limits count by address."""

    count = 1

    def ask(self, method, target, body=None, kind=None):
        self.count += 1
        source = (f"127.1.{self.count // 250}.{self.count % 250 + 1}", 0)
        connection = http.client.HTTPConnection("127.0.0.1", GATEWAY, timeout=30, source_address=source)
        headers = {"Host": f"localhost:{GATEWAY}"} | ({"Content-Type": kind} if kind else {})
        connection.request(method, target, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, answer.getheader("Location"), text


def wait(asker):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if asker.ask("GET", "/ready")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise SystemExit("the gateway is not ready")


def authorize(asker, address):
    """As the document of a client."""
    query = urllib.parse.urlencode({
        "client_id": address, "redirect_uri": CALLBACK, "response_type": "code", "state": "s",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
        "resource": f"http://localhost:{GATEWAY}/demo/mcp",
    })
    status, location, _ = asker.ask("GET", "/authorize?" + query)
    return status, location


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def keys(asker, address):
    """As the key set of a client that signs its assertions; nil where no client can have it."""
    metadata = {
        "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": address,
        "grant_types": ["authorization_code"], "response_types": ["code"], "logo_uri": address, "client_uri": address,
    }
    status, _, text = asker.ask("POST", "/register", json.dumps(metadata), "application/json")
    if status != 201:
        return status, None
    client = json.loads(text)["client_id"]
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": f"http://localhost:{GATEWAY}", "jti": address, "iat": now, "exp": now + 60}
    assertion = f"{encoded({'alg': 'ES256', 'kid': 'k'})}.{encoded(claims)}.{'A' * 86}"
    form = urllib.parse.urlencode({
        "grant_type": "authorization_code", "code": "x", "redirect_uri": CALLBACK, "code_verifier": "v" * 43,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion": assertion,
    })
    status, location, _ = asker.ask("POST", "/token", form, "application/x-www-form-urlencoded")
    return status, location


def main():
    job = json.loads(sys.argv[1])
    network()
    canaries, asker = Canaries(), Asker()
    gateway = subprocess.Popen(
        [job["binary"], "serve", "--listen", f"127.0.0.1:{GATEWAY}", "--data-dir", os.path.join(os.getcwd(), "state")],
        stdin=subprocess.DEVNULL, stdout=sys.stderr, stderr=sys.stderr)
    try:
        wait(asker)
        report = {"documents": [], "keys": []}
        for address in job["documents"]:
            canaries.take()
            status, location = authorize(asker, address)
            report["documents"].append({"address": address, "status": status, "location": location, "seen": canaries.take()})
        for address in job["keys"]:
            canaries.take()
            status, location = keys(asker, address)
            report["keys"].append({"address": address, "status": status, "location": location, "seen": canaries.take()})
    finally:
        gateway.terminate()
        gateway.wait(10)
    print(json.dumps(report))


main()
