"""The official Python SDK, current release: discovers, registers, logs in and calls tools through Sallyport."""

import anyio
import httpx2
from mcp import Client
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientMetadata

import walk
from sdk_common import answers, call

REDIRECT = "http://127.0.0.1:9/callback"


class Memory:
    """Token storage that the test can look into."""

    tokens = None
    client = None

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class Person:
    """Walks the pages whenever the SDK asks for a browser, and counts how often."""

    def __init__(self, job):
        self.job, self.walks, self.answer = job, 0, None

    async def open(self, url):
        self.walks += 1
        self.answer = await anyio.to_thread.run_sync(
            walk.walk, url, REDIRECT, self.job["user"], self.job["password"]
        )

    async def back(self):
        return AuthorizationCodeResult(**{k: v for k, v in walk.query(self.answer).items() if k in ("code", "state", "iss")})


async def perform(client, step):
    """One step of the plan, after what has to happen outside before it."""
    if step.get("before"):
        await anyio.run_process(step["before"])
    return await call(client, step)


async def main():
    job = walk.task()
    person, memory, logs = Person(job), Memory(), []

    async def log(params):
        logs.append([str(params.level), params.data])

    provider = OAuthClientProvider(
        server_url=job["url"],
        client_metadata=OAuthClientMetadata(
            client_name="sdk-current", redirect_uris=[REDIRECT], grant_types=["authorization_code", "refresh_token"],
            response_types=["code"], token_endpoint_auth_method="none",
        ),
        storage=memory, redirect_handler=person.open, callback_handler=person.back,
        client_metadata_url=job.get("client_metadata_url"),
    )
    async with httpx2.AsyncClient(auth=provider, timeout=30) as http:
        client = Client(
            streamable_http_client(job["url"], http_client=http), mode=job.get("mode", "auto"),
            sampling_callback=answers.sample, elicitation_callback=answers.elicit,
            list_roots_callback=answers.roots, logging_callback=log,
            log_level="info", read_timeout_seconds=30,
        )
        async with client:
            report = {"protocol": client.protocol_version, "server": client.server_info and client.server_info.name}
            report["tools"] = [tool.name for tool in (await client.list_tools()).tools]
            report["results"] = [await perform(client, step) for step in job["plan"]]
            report["tools_after"] = [tool.name for tool in (await client.list_tools()).tools]
            if job.get("refresh"):
                before = memory.tokens.access_token
                provider.context.token_expiry_time = 1.0
                report["refreshed"] = await call(client, job["plan"][0])
                report["rotated"] = memory.tokens.access_token != before
    report |= {"walks": person.walks, "client": memory.client.client_id, "logs": logs}
    report["audience"] = job["url"]
    walk.report(report)


anyio.run(main)
