"""The official Python SDK's provider for enterprise-managed authorization: no browser, an ID-JAG for an access token."""

import json
import urllib.request

import anyio
import httpx2
from mcp import Client
from mcp.client.auth.extensions.identity_assertion import IdentityAssertionOAuthProvider
from mcp.client.streamable_http import streamable_http_client

import walk
from sdk_common import call


class Memory:
    """Token storage."""

    tokens = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return None

    async def set_client_info(self, client):
        pass


def mint(job, audience, resource):
    body = json.dumps({
        "header": {"typ": "oauth-id-jag+jwt"},
        "claims": {"aud": audience, "resource": resource, "client_id": job["client"], "email": "carol@corp.test",
                   "email_verified": True},
    }).encode()
    with urllib.request.urlopen(urllib.request.Request(job["idp"] + "/mint", body), timeout=10) as answer:
        return json.load(answer)["token"]


async def main():
    job, memory, asked = walk.task(), Memory(), []

    async def assertion(audience, resource):
        asked.append([audience, resource])
        return await anyio.to_thread.run_sync(mint, job, audience, resource)

    provider = IdentityAssertionOAuthProvider(
        server_url=job["url"], storage=memory, client_id=job["client"], client_secret=job["secret"],
        issuer=job["issuer"], assertion_provider=assertion, token_endpoint_auth_method=job["method"],
    )
    async with httpx2.AsyncClient(auth=provider, timeout=30) as http:
        async with Client(
            streamable_http_client(job["url"], http_client=http), mode="auto", read_timeout_seconds=30
        ) as client:
            results = [await call(client, step) for step in job["plan"]]
    walk.report({
        "results": results, "asked": asked, "refresh": memory.tokens.refresh_token, "scope": memory.tokens.scope,
    })


anyio.run(main)
