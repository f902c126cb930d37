"""Verifies the gateway's statement about a user as an upstream would, with a library that knows nothing of it."""

import json
import sys
import urllib.request

from joserfc import jwt
from joserfc.jwk import KeySet

job = json.loads(sys.argv[1])
with urllib.request.urlopen(job["jwks"]) as answer:
    keys = KeySet.import_key_set(json.load(answer))
token = jwt.decode(job["token"], keys, algorithms=["ES256", "RS256", "EdDSA"])
assert token.header["typ"] == "sallyport-identity+jwt", token.header
jwt.JWTClaimsRegistry(
    aud={"essential": True, "value": job["audience"]}, exp={"essential": True}, iat={"essential": True},
    iss={"essential": True}, sub={"essential": True}, jti={"essential": True},
).validate(token.claims)
print(json.dumps(token.claims))
