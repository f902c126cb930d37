"""Tokens that must not be accepted, row by row of the threat table, made with joserfc and, where the rule says so, with the
gateway's own key."""

import base64
import hashlib
import hmac
import json
import os

from joserfc import jwe, jwk
from joserfc.jws import JWSRegistry

ALGORITHMS = JWSRegistry(algorithms=["RS256", "ES256", "EdDSA"], strict_check_header=False)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def text(value):
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def lower(signature):
    """(r, s) with the smaller of s and n - s."""
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + min(s, P256_ORDER - s).to_bytes(32, "big")


class Forger:
    """Signs whatever it is given, as the holder of `key` would."""

    def __init__(self, key, algorithm, kid, claims):
        self.key, self.algorithm, self.kid, self.claims = key, algorithm, kid, claims

    @property
    def header(self):
        return {"alg": self.algorithm, "typ": "at+jwt", "kid": self.kid}

    def sign(self, header, payload, key=None):
        signed = b64(text(header)) + "." + b64(text(payload))
        signature = ALGORITHMS.get_alg(self.algorithm).sign(signed.encode(), key or self.key)
        if self.algorithm == "ES256":
            signature = lower(signature)  # the one of the two spellings that our own tokens have
        return signed + "." + b64(signature)

    def token(self, header={}, claims={}, key=None):
        """A good token with members replaced, or left out where the value is None."""
        return self.sign(changed(self.header, header), changed(self.claims, claims), key)


def changed(members, changes):
    return {name: value for name, value in {**members, **changes}.items() if value is not None}


def algorithm_none(forger):  # T01
    signature = forger.token().split(".")[2]
    for name in ["none", "None", "NONE", "nOnE", "", " none", "none ", "null", "HS256", "es256", "rs256", "eddsa"]:
        body = b64(text(changed(forger.header, {"alg": name}))) + "." + b64(text(forger.claims))
        for end in ["", signature, "AA"]:
            yield f"alg {name!r}, signature {end[:2]!r}", f"{body}.{end}"
    yield "no alg", forger.token({"alg": None})


def hmac_confusion(forger):  # T02
    public = json.dumps(forger.key.as_dict(private=False)).encode()
    secrets = [forger.key.as_pem(private=False), forger.key.as_der(private=False), public, forger.kid.encode(), b""]
    secrets += [secret.rstrip(b"\n") for secret in secrets] + [secret + b"\n" for secret in secrets]
    for name, digest in [("HS256", hashlib.sha256), ("HS384", hashlib.sha384), ("HS512", hashlib.sha512)]:
        body = b64(text(changed(forger.header, {"alg": name}))) + "." + b64(text(forger.claims))
        for number, secret in enumerate(secrets):
            yield f"{name} keyed with secret {number}", body + "." + b64(hmac.new(secret, body.encode(), digest).digest())


def header_keys(forger):  # T03
    own = jwk.generate_key(forger.key.key_type, forger.key.curve_name if forger.key.key_type != "RSA" else 2048)
    public = own.as_dict(private=False)
    for name, header in {
        "jwk": {"jwk": public}, "jwk alone": {"jwk": public, "kid": None},
        "jku": {"jku": "https://evil.test/jwks"}, "x5u": {"x5u": "https://evil.test/x"}, "x5c": {"x5c": ["AA"]},
        "own kid": {"kid": own.thumbprint()},
    }.items():
        yield name, forger.token(header, key=own)
    for kid in ["../../dev/null", "' OR 1=1--", "https://evil.test/key", "\0", "k" * 65, "", forger.kid + " ", None, 1,
                [], forger.kid.swapcase(), "k" * 3000]:
        yield f"kid {str(kid)[:20]!r}", forger.token({"kid": kid})
    for _ in range(500):
        yield "a random kid", forger.token({"kid": b64(os.urandom(1 + os.urandom(1)[0] % 60))})


def other_types(forger):  # T04
    for kind in ["JWT", "jwt", "id_token", "dpop+jwt", "logout+jwt", "client-authentication+jwt", "oauth-id-jag+jwt",
                 "secevent+jwt", "token-introspection+jwt", "at+jwt;x", "x/at+jwt", "at+jwt ", 1, None]:
        yield f"typ {kind!r}", forger.token({"typ": kind})
    for header in [{"crit": ["exp"]}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"zip": "DEF"},
                   {"enc": "A128GCM"}]:
        yield json.dumps(header), forger.token(header)
    secret = jwk.OctKey.generate_key(256)
    yield "a JWE", jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM", "cty": "at+jwt"}, text(forger.claims), secret)
    if forger.algorithm != "EdDSA":
        scheme = "RSA-OAEP" if forger.algorithm == "RS256" else "ECDH-ES"
        yield "a JWE to our own key", jwe.encrypt_compact(
            {"alg": scheme, "enc": "A256GCM", "kid": forger.kid}, text(forger.claims), forger.key)


def claims(forger):  # T05
    now, audience = forger.claims["iat"], forger.claims["aud"]
    foreign = audience.rsplit("/", 2)[0] + "/elsewhere/mcp"
    changes = {
        "iss": ["https://evil.test", None, forger.claims["iss"] + "/", forger.claims["iss"].upper(), 1, [forger.claims["iss"]]],
        "aud": [None, [], 1, {}, foreign, audience + "/", audience.upper(), [audience, "https://evil.test/"], [audience, 1],
                [foreign]],
        "exp": [None, "9999999999", now - 1, 0, -1, now + 900.5, True, 2**70, []],
        "nbf": [now + 3600, "1", -1, {}], "iat": [None, now + 3600, "1", 1.5],
        "sub": [None, "", 1], "jti": [None, "", 1], "client_id": [None, "", 1], "grant": [None, "", 1],
        "scope": [["mcp"], "a  b", 1],
    }
    for name, values in changes.items():
        for value in values:
            yield f"{name} {value!r}", forger.token(claims={name: value})
    for number in ["1e400", "1e12", "-0", "9" * 400]:
        raw = text(changed(forger.claims, {"exp": None})).replace(b"{", b'{"exp":' + number.encode() + b",", 1)
        yield f"exp {number[:8]}", forger.sign(forger.header, raw)


def spellings(forger):  # T06
    good = forger.token()
    head, body, end = good.split(".")
    yield from ((f"text {number}", value) for number, value in enumerate([
        good + "=", good + "==", f"{head}=.{body}.{end}", f"{head}.{body}=.{end}", good + ".", f"{head}.{body}", head,
        f"{head}..{end}", f"{head}.{body}.", good[:-1] + "+", good[:-1] + "/", good + "A", good.upper(),
        f"{head}.{body}.{end}.{end}"]))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for index, part in enumerate([head, body, end]):
        if len(part) % 4:  # bits that encode nothing
            parts = [head, body, end]
            parts[index] = part[:-1] + alphabet[alphabet.index(part[-1]) ^ 1]
            yield f"unused bits of part {index}", ".".join(parts)
    for number, signature in enumerate(signatures(forger.algorithm, unb64(end))):
        yield f"signature {number}", f"{head}.{body}.{b64(signature)}"


def signatures(algorithm, good):
    """Other signatures for the same bytes, among them all that mean the same numbers."""
    half = len(good) // 2
    r, s, zeros = good[:half], good[half:], bytes(half)
    yield from [good[:-1], good[1:], good + b"\0", b"\0" + good, zeros + zeros, r + zeros, zeros + s, s + r, good + good, r,
                b"\xff" * len(good)]
    if algorithm == "RS256":
        return
    little = algorithm == "EdDSA"
    order = (2**252 + 27742317777372353535851937790883648493 if little
             else P256_ORDER)
    number = int.from_bytes(s, "little" if little else "big")
    for other in [order - number, number + order]:
        if other < 2**256:
            yield r + other.to_bytes(32, "little" if little else "big")
    if not little:
        def integer(value):
            value = value.lstrip(b"\0")
            value = b"\0" + value if value[0] & 0x80 else value
            return bytes([2, len(value)]) + value
        numbers = integer(r) + integer(s)
        yield bytes([0x30, len(numbers)]) + numbers


def duplicates(forger):  # T07
    header, payload = text(forger.header), text(forger.claims)
    yield "control of raw bytes", forger.sign(header, payload)
    for name, raw in {
        "aud before": b'{"aud":"https://evil.test/",' + payload[1:], "aud after": payload[:-1] + b',"aud":"https://evil.test/"}',
        "aud escaped": payload[:-1] + b',"\\u0061ud":"x"}', "nested": payload[:-1] + b',"x":{"a":1,"a":2}}',
        "trailing comma": payload[:-1] + b",}", "byte order mark": b"\xef\xbb\xbf" + payload, "twice": payload + payload,
        "array": b"[" + payload + b"]", "lone surrogate": payload[:-1] + b',"x":"\\ud800"}',
        "UTF-16": payload.decode().encode("utf-16-le"), "bad UTF-8": payload[:-1] + b',"x":"\xff"}', "empty": b"",
        "deep": payload[:-1] + b',"x":' + b"[" * 50 + b"]" * 50 + b"}", "comment": b"/**/" + payload,
    }.items():
        yield name, forger.sign(header, raw)
    yield "two alg", forger.sign(header[:-1] + b',"alg":"none"}', payload)
    yield "two kid", forger.sign(b'{"kid":"x",' + header[1:], payload)
