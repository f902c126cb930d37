"""Every way to a token, by clients that are not ours: Authlib asks, joserfc makes and reads what is signed.

One scenario for each run: {"scenario": NAME, "origin": ..., "user": ..., "password": ..., ...}
"""

import base64
import hashlib
import secrets
import time
import urllib.parse

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from walk import Browser, Forms, filled, query, report, task, walk

REDIRECT = "http://127.0.0.1:9/callback"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Assertion(PrivateKeyJWT):
    """private_key_jwt as draft-ietf-oauth-rfc7523bis has it: for the issuer alone, short-lived, each with its own jti."""

    alg = "ES256"

    def __init__(self, issuer):
        super().__init__(issuer)

    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 60, "jti": secrets.token_urlsafe(16)}
        return super().sign(auth, token_endpoint)


class Gateway:
    def __init__(self, job):
        self.origin, self.user, self.password = job["origin"], job["user"], job["password"]
        self.resource = self.origin + "/demo/mcp"
        self.metadata = requests.get(self.origin + "/.well-known/oauth-authorization-server", timeout=10).json()

    def register(self, **metadata):
        answer = requests.post(self.metadata["registration_endpoint"], json=metadata, timeout=10)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def session(self, client_id, credential, method):
        """Authlib's session of a client that authenticates by `method` with a secret or a key."""
        session = OAuth2Session(
            client_id,
            credential,
            redirect_uri=REDIRECT,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
            code_challenge_method="S256",
        )
        if method == "private_key_jwt":
            session.register_client_auth_method(Assertion(self.metadata["issuer"]))
        return session

    def register_session(self, method, **metadata):
        """A client that registered itself for codes, its session, and one of somebody who has not its credential."""
        credential = other = None
        if method == "private_key_jwt":
            credential, other = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
            metadata["jwks"] = {"keys": [credential.as_dict(private=False)]}
        client = self.register(redirect_uris=[REDIRECT], token_endpoint_auth_method=method, **metadata)
        if method.startswith("client_secret"):
            credential, other = client["client_secret"], secrets.token_urlsafe(32)
        name = client["client_id"]
        return self.session(name, credential, method), self.session(name, other, method)

    def authorize(self, session, **more):
        """From the authorization request to the address with the code, as Authlib builds the one and reads the other."""
        verifier = secrets.token_urlsafe(48)
        url, state = session.create_authorization_url(
            self.metadata["authorization_endpoint"], code_verifier=verifier, resource=self.resource, **more
        )
        return walk(url, REDIRECT, self.user, self.password), state, verifier

    def claims(self, token):
        """The claims of an access token, verified by somebody else's library with our published keys."""
        keys = KeySet.import_key_set(requests.get(self.metadata["jwks_uri"], timeout=10).json())
        decoded = jwt.decode(token, keys, algorithms=["ES256"])
        assert decoded.header["typ"] == "at+jwt", decoded.header
        return decoded.claims

    def call(self, token, scheme="Bearer", proof=None):
        """Initializes a session: the status and what is offered instead."""
        headers = {"Authorization": f"{scheme} {token}", "Accept": "application/json, text/event-stream"}
        if proof:
            headers["DPoP"] = proof
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "grants", "version": "1"},
            },
        }
        answer = requests.post(self.resource, json=body, headers=headers, timeout=20)
        return answer.status_code, answer.headers.get("WWW-Authenticate", "")


class Prover:
    """Makes DPoP proofs."""

    def __init__(self):
        self.key = ECKey.generate_key("P-256")

    def proof(self, method, address, token=None):
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        claims = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": address, "iat": int(time.time())}
        if token:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return jwt.encode(header, claims, self.key)


def attempt(ask, *arguments, **named):
    """What Authlib got, or the error that it was told."""
    try:
        return ask(*arguments, **named)
    except OAuthError as error:
        return {"error": error.error}


def code(gateway, job):
    """A code, a refresh, what introspection says, a revocation; and the same without the credential."""
    method, endpoint = job["method"], gateway.metadata["token_endpoint"]
    session, stranger = gateway.register_session(method, client_name="codes")
    end, state, verifier = gateway.authorize(session)
    arguments = {"authorization_response": end, "state": state}
    foreign = attempt(stranger.fetch_token, endpoint, **arguments, code_verifier=verifier) if method != "none" else {}
    wrong = attempt(session.fetch_token, endpoint, **arguments, code_verifier=secrets.token_urlsafe(48))
    first = session.fetch_token(endpoint, **arguments, code_verifier=verifier)
    second = session.refresh_token(endpoint, first["refresh_token"])
    result = {
        "foreign": foreign.get("error"),
        "wrong": wrong.get("error"),
        "issuer": query(end)["iss"],
        "claims": gateway.claims(second["access_token"]),
        "client": session.client_id,
        "rotated": first["refresh_token"] != second["refresh_token"],
        "status": gateway.call(second["access_token"])[0],
    }
    if method != "none":
        inspect = gateway.metadata["introspection_endpoint"]
        for name, asking, token in [
            ("active", session, second["access_token"]),
            ("refreshable", session, second["refresh_token"]),
            ("unknown", session, "nothing"),
            ("unproven", stranger, second["access_token"]),
        ]:
            answer = asking.introspect_token(inspect, token=token)
            result[name] = answer.json() | {"status": answer.status_code}
    revoke = gateway.metadata["revocation_endpoint"]
    if method != "none":
        result["refused"] = stranger.revoke_token(revoke, token=second["refresh_token"]).status_code
        result["unharmed"] = gateway.call(second["access_token"])[0]
    result["revoked"] = session.revoke_token(revoke, token=second["refresh_token"]).status_code
    result["again"] = session.revoke_token(revoke, token="nothing").status_code
    result["after"] = eventually(lambda: gateway.call(second["access_token"])[0] == 401)
    result["over"] = attempt(session.refresh_token, endpoint, second["refresh_token"]).get("error")
    if method != "none":
        result["ended"] = session.introspect_token(inspect, token=second["access_token"]).json()
    return result


def eventually(holds):
    """Whether something becomes true within the second that a revocation may take (T08)."""
    end = time.monotonic() + 1
    while not holds():
        if time.monotonic() > end:
            return False
    return True


def client_credentials(gateway, job):
    """A service account of the configuration, by secret or key."""
    credential = ECKey.import_key(job["key"]) if job["method"] == "private_key_jwt" else job["secret"]
    endpoint = gateway.metadata["token_endpoint"]
    session = gateway.session(job["client"], credential, job["method"])
    other = ECKey.generate_key("P-256") if job["method"] == "private_key_jwt" else "another"
    stranger = gateway.session(job["client"], other, job["method"])

    def ask(session, resource):
        return attempt(session.fetch_token, endpoint, grant_type="client_credentials", resource=resource)

    token = ask(session, gateway.resource)
    return {
        "status": gateway.call(token["access_token"])[0],
        "refresh": "refresh_token" in token,
        "claims": gateway.claims(token["access_token"]),
        "refused": ask(session, "https://evil.test/mcp").get("error"),
        "stranger": ask(stranger, gateway.resource).get("error"),
    }


def key(gateway, job):
    """A key for a service account: the private one, and the set for the configuration."""
    made = ECKey.generate_key("P-256")
    return {"private": made.as_dict(private=True), "public": made.as_dict(private=False)}


def pushed(gateway, job):
    """The authorization request by the back channel, with Authlib's client authentication."""
    session, stranger = gateway.register_session(job["method"], client_name="pushes")
    endpoint = gateway.metadata["pushed_authorization_request_endpoint"]
    verifier = secrets.token_urlsafe(48)
    url, state = session.create_authorization_url(
        gateway.metadata["authorization_endpoint"], code_verifier=verifier, resource=gateway.resource
    )

    def push(session):
        return session.post(
            endpoint, data=query(url), auth=session.client_auth(job["method"]), withhold_token=True, timeout=10
        )

    answer = push(session)
    reference = answer.json()
    short = gateway.metadata["authorization_endpoint"] + "?" + urllib.parse.urlencode(
        {"client_id": session.client_id, "request_uri": reference["request_uri"]}
    )
    end = walk(short, REDIRECT, gateway.user, gateway.password)
    token = session.fetch_token(
        gateway.metadata["token_endpoint"], authorization_response=end, code_verifier=verifier, state=state
    )
    again = Browser().send("GET", short)
    return {
        "pushed": answer.status_code,
        "stranger": push(stranger).status_code,
        "expires": reference["expires_in"],
        "issuer": query(end)["iss"],
        "status": gateway.call(token["access_token"])[0],
        "again": [again[0], again[1]],
        "method": requests.get(endpoint, timeout=10).status_code,
    }


def dpop(gateway, job):
    """Tokens that are bound to a key, from the authorization request to the tool. Authlib 1.9 makes no proofs: joserfc does."""
    session, _ = gateway.register_session("none", client_name="proves")
    prover = Prover()
    end, _, verifier = gateway.authorize(session, dpop_jkt=prover.key.thumbprint())
    endpoint = gateway.metadata["token_endpoint"]
    form = {
        "grant_type": "authorization_code",
        "code": query(end)["code"],
        "client_id": session.client_id,
        "code_verifier": verifier,
        "redirect_uri": REDIRECT,
    }

    def ask(form, proof):
        return requests.post(endpoint, data=form, headers={"DPoP": proof} if proof else {}, timeout=10).json()

    stolen = ask(form, Prover().proof("POST", endpoint))
    misplaced = ask(form, prover.proof("POST", endpoint + "2"))
    first = ask(form, prover.proof("POST", endpoint))
    token = first["access_token"]
    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], "client_id": session.client_id}
    bare = ask(refresh, None)
    second = ask(refresh, prover.proof("POST", endpoint))
    proof = prover.proof("POST", gateway.resource, token)
    good = gateway.call(token, "DPoP", proof)
    foreign = prover.proof("POST", gateway.resource, second["access_token"])
    return {
        "stolen": stolen.get("error"),
        "misplaced": misplaced.get("error"),
        "type": first["token_type"],
        "bound": gateway.claims(token)["cnf"]["jkt"] == prover.key.thumbprint(),
        "bare": bare.get("error"),
        "second": second.get("token_type"),
        "good": good[0],
        "replay": gateway.call(token, "DPoP", proof)[0],
        "bearer": gateway.call(token),
        "foreign": gateway.call(token, "DPoP", foreign)[0],
        "other": gateway.call(token, "DPoP", Prover().proof("POST", gateway.resource, token))[0],
    }


def device(gateway, job):
    """A terminal that polls while its user decides in a browser elsewhere."""
    client = gateway.register(client_name="terminal", grant_types=[DEVICE], token_endpoint_auth_method="none")
    endpoint = gateway.metadata["token_endpoint"]

    def begin():
        form = {"client_id": client["client_id"], "resource": gateway.resource}
        answer = requests.post(gateway.metadata["device_authorization_endpoint"], data=form, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def poll(begun, client_id=client["client_id"]):
        session = OAuth2Session(client_id, token_endpoint_auth_method="none")
        return attempt(session.fetch_token, endpoint, grant_type=DEVICE, device_code=begun["device_code"])

    begun = begin()
    waiting, hasty = poll(begun), poll(begun)
    other = gateway.register(client_name="other", grant_types=[DEVICE], token_endpoint_auth_method="none")
    foreign = poll(begun, other["client_id"])
    pages = decide(begun["verification_uri_complete"], gateway, "allow")
    token = poll(begun)
    assert "access_token" in token, token
    status = gateway.call(token["access_token"])[0]
    refreshed = OAuth2Session(client["client_id"], token_endpoint_auth_method="none").refresh_token(
        endpoint, token["refresh_token"]
    )
    again = poll(begun)
    denied = begin()
    farewell = decide(denied["verification_uri_complete"], gateway, "deny")
    guesses = [decide(gateway.origin + "/device?user_code=BBBB-BBBB", gateway, None)[-1] for _ in range(12)]
    return {
        "waiting": waiting.get("error"),
        "hasty": hasty.get("error"),
        "foreign": foreign.get("error"),
        "pages": pages,
        "code": begun["user_code"],
        "claims": gateway.claims(token["access_token"]),
        "client": client["client_id"],
        "status": status,
        "refreshed": "access_token" in refreshed,
        "again": again.get("error"),
        "ended": eventually(lambda: gateway.call(refreshed["access_token"])[0] == 401),
        "denied": poll(denied).get("error"),
        "farewell": farewell[-1],
        "limited": guesses[-1],
    }


def assertion(gateway, job):
    """RFC 7523 §2.1 with an identity assertion that the test has had signed."""

    def exchange(secret):
        session = gateway.session("agent", secret, "client_secret_basic")
        return attempt(
            session.fetch_token, gateway.metadata["token_endpoint"], grant_type=JWT_BEARER, assertion=job["assertion"]
        )

    foreign = exchange("somebody's guess")
    token = exchange(job["secret"])
    assert "access_token" in token, token
    return {
        "foreign": foreign.get("error"),
        "claims": gateway.claims(token["access_token"]),
        "refresh": token.get("refresh_token"),
        "status": gateway.call(token["access_token"])[0],
        "again": exchange(job["secret"]).get("error"),
    }


def decide(url, gateway, decision):
    """Types the code, signs in and decides; returns the pages on the way, the last one after the decision or refusal."""
    browser, pages, typed = Browser(), [], False
    status, location, page = browser.send("GET", url)
    for _ in range(10):
        if location:
            url = urllib.parse.urljoin(url, location)
            status, location, page = browser.send("GET", url)
            continue
        pages.append(page)
        form = next((form for form in map(filled(gateway.user, gateway.password), Forms(page).found) if form), None)
        if form is None and not typed:
            typed = True
            form = next((f for f in Forms(page).found if any(n == "user_code" for n, _, _ in f["fields"])), None)
            if form:
                form = {"action": form["action"], "fields": [(n, v) for n, v, _ in form["fields"]]}
        if form is None:
            return pages
        fields = [(name, decision if name == "decision" else value) for name, value in form["fields"]]
        url = urllib.parse.urljoin(url, form["action"])
        status, location, page = browser.send("POST", url, fields)
    raise RuntimeError("no end")


if __name__ == "__main__":
    JOB = task()
    report(globals()[JOB["scenario"]](Gateway(JOB), JOB))
