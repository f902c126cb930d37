"""Verifies the gateway's token with joserfc, takes its signing key out of the data directory as only its operator can, and
shows it every forgery of the threat table. Reports what was accepted."""

import base64
import http.client
import json
import os
import sqlite3

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwk, jwt

import forgeries
import walk

ROWS = {
    "T01": forgeries.algorithm_none, "T02": forgeries.hmac_confusion, "T03": forgeries.header_keys,
    "T04": forgeries.other_types, "T05": forgeries.claims, "T06": forgeries.spellings, "T07": forgeries.duplicates,
}


def signing_key(folder, kid, algorithm):
    """Opens the sealed key: version 1, a nonce of 12 bytes, AES-256-GCM over the DER with the kid as context."""
    with open(os.path.join(folder, "master.key"), "rb") as file:
        secret = forgeries.unb64(file.read().strip().decode())
    row = sqlite3.connect(f"file:{folder}/sallyport.db?mode=ro", uri=True).execute(
        "SELECT sealed_private_key FROM signing_key WHERE id = ?", [kid]).fetchone()[0]
    assert row[0] == 1
    der = AESGCM(secret).decrypt(row[1:13], row[13:], kid.encode())
    kind = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}[algorithm]
    pem = f"-----BEGIN PRIVATE KEY-----\n{base64.encodebytes(der).decode()}-----END PRIVATE KEY-----\n"
    for label in ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"]:
        try:
            return jwk.import_key(pem.replace("PRIVATE KEY", label), kind)
        except ValueError:
            continue
    raise ValueError("no form of the key can be read")


class Gateway:
    def __init__(self, job):
        self.job = job
        self.connection = http.client.HTTPConnection("127.0.0.1", job["port"], timeout=30)
        self.fields = {
            "Host": job["origin"].split("//")[1], "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }

    def send(self, method, path, body=None, fields={}):
        self.connection.request(method, path, body, {**self.fields, **fields})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def show(self, token, fields={}):
        """The status of a ping with this token, and the challenge."""
        body = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
        status, head, _ = self.send(
            "POST", self.job["path"], body, {"Authorization": f"Bearer {token}", **fields})
        return status, head.get("WWW-Authenticate", "")

    def session(self, token):
        body = json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "rows", "version": "1"}}})
        status, head, answer = self.send("POST", self.job["path"], body, {"Authorization": f"Bearer {token}"})
        if status != 200:
            raise RuntimeError(f"initialize: {status} {head} {answer[:500]}")
        return head["Mcp-Session-Id"]


def cache_confusion(gateway, forger, other):
    """T09: tokens of two users that share their first 20 to 200 characters; each opens its own user's session only."""
    sessions = [gateway.session(forger.token()), gateway.session(other.token())]
    wrong = 0
    for number in range(400):
        pad = "p" * (number % 130) + str(number)
        pair = [each.sign({"x": pad + str(index), **each.header}, each.claims)
                for index, each in enumerate((forger, other))]
        for token, own, foreign in [(pair[0], *sessions), (pair[1], *reversed(sessions))]:
            statuses = [gateway.show(token, {"Mcp-Session-Id": session})[0] for session in (own, foreign, own)]
            wrong += statuses != [200, 404, 200]
    return wrong


def main():
    job = walk.task()
    gateway = Gateway(job)
    keys = jwk.KeySet.import_key_set(json.loads(gateway.send("GET", "/jwks")[2]))
    tokens = [jwt.decode(token, keys, algorithms=[job["algorithm"]]) for token in job["tokens"]]
    kid = tokens[0].header["kid"]
    key = signing_key(job["folder"], kid, job["algorithm"])
    forger, other = (forgeries.Forger(key, job["algorithm"], kid, token.claims) for token in tokens)
    report = {
        "header": tokens[0].header, "claims": tokens[0].claims, "thumbprint": key.thumbprint() == kid,
        "good": [gateway.show(job["tokens"][0])[0], gateway.show(forger.token())[0]],
        "accepted": {}, "shown": {}, "unchallenged": [],
    }
    for row, forge in ROWS.items():
        accepted, shown = [], 0
        for name, token in forge(forger):
            status, challenge = gateway.show(token)
            if name.startswith("control"):
                report["good"].append(status)
                continue
            shown += 1
            if status != 401:
                accepted.append(f"{name}: {status}")
            elif 'error="invalid_token"' not in challenge:
                report["unchallenged"].append(f"{row} {name}: {challenge}")
        report["accepted"][row], report["shown"][row] = accepted, shown
    report["confused"] = cache_confusion(gateway, forger, other)
    report["after"] = gateway.show(forger.token())[0]
    walk.report(report)


main()
