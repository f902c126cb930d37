"""Connects by TLS in ways that are given, and reports what came of it. Only the standard library."""

import json
import socket
import ssl
import sys

VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2,
            "1.3": ssl.TLSVersion.TLSv1_3}


def context(authority, probe):
    made = ssl.create_default_context(cafile=authority)
    # The client must not be what refuses.
    made.set_ciphers(probe.get("ciphers", "ALL:@SECLEVEL=0"))
    made.minimum_version = VERSIONS[probe.get("minimum", "1.2")]
    made.maximum_version = VERSIONS[probe.get("maximum", "1.3")]
    if "alpn" in probe:
        made.set_alpn_protocols(probe["alpn"])
    return made


def answer(connection, request):
    connection.sendall(request.encode())
    data = b""
    while True:
        try:
            more = connection.recv(65536)
        except (OSError, ssl.SSLError):
            break
        if not more:
            break
        data += more
    head, _, body = data.decode("latin-1").partition("\r\n\r\n")
    lines = head.split("\r\n")
    fields = [[name.strip().lower(), value.strip()] for name, _, value in (line.partition(":") for line in lines[1:])]
    return {"status": int(lines[0].split(" ")[1]), "fields": fields, "body": body}


def run(port, authority, probe):
    name = probe.get("name", "localhost")
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
            with context(authority, probe).wrap_socket(plain, server_hostname=name) as connection:
                report = {"version": connection.version(), "cipher": connection.cipher()[0],
                          "alpn": connection.selected_alpn_protocol(),
                          "serial": connection.getpeercert()["serialNumber"]}
                host = probe.get("host", f"{name}:{port}")
                for target in probe.get("targets", ["/live"]):
                    report.setdefault("answers", []).append(
                        answer(connection, f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
                return report
    except (OSError, ssl.SSLError) as error:
        return {"error": str(error)}


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    print(json.dumps({"results": [run(job["port"], job["authority"], probe) for probe in job["probes"]]}))
