"""The last 1.x of the official Python SDK: discovers, registers, logs in and calls tools through Sallyport."""

from contextlib import asynccontextmanager
from datetime import timedelta

import anyio
import mcp.types as types
from mcp import ClientSession
from mcp.client.auth import OAuthClientProvider
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.auth import OAuthClientMetadata

import walk
from sdk_answers import Answers, texts

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
        answer = walk.query(self.answer)
        # Older releases take a pair; newer ones an object that carries the issuer as well.
        try:
            from mcp.shared.auth import AuthorizationCodeResult
        except ImportError:
            return answer["code"], answer.get("state")
        return AuthorizationCodeResult(**{k: v for k, v in answer.items() if k in ("code", "state", "iss")})


answers = Answers(types)


async def call(session, step):
    progress = []

    async def note(value, total=None, message=None):
        progress.append([value, total, message])

    result = await session.call_tool(step["tool"], step.get("arguments", {}), progress_callback=note)
    return {"text": texts(result), "error": bool(result.isError), "progress": progress}


@asynccontextmanager
async def connect(job, provider):
    """The transport of 2024-11-05 where the job says so."""
    if job.get("mode") == "sse":
        async with sse_client(job["url"], auth=provider) as (reader, writer):
            yield reader, writer, lambda: None
    else:
        async with streamablehttp_client(job["url"], auth=provider) as streams:
            yield streams


async def main():
    job = walk.task()
    person, memory, logs = Person(job), Memory(), []

    async def log(params):
        logs.append([str(params.level), params.data])

    provider = OAuthClientProvider(
        server_url=job["url"],
        client_metadata=OAuthClientMetadata(
            client_name="sdk-legacy", redirect_uris=[REDIRECT], grant_types=["authorization_code", "refresh_token"],
            response_types=["code"], token_endpoint_auth_method="none",
        ),
        storage=memory, redirect_handler=person.open, callback_handler=person.back,
    )
    async with connect(job, provider) as (reader, writer, session_id):
        async with ClientSession(
            reader, writer, read_timeout_seconds=timedelta(seconds=30), sampling_callback=answers.sample,
            elicitation_callback=answers.elicit, list_roots_callback=answers.roots, logging_callback=log,
        ) as session:
            hello = await session.initialize()
            report = {"protocol": hello.protocolVersion, "server": hello.serverInfo.name, "session": bool(session_id())}
            report["tools"] = [tool.name for tool in (await session.list_tools()).tools]
            report["results"] = [await call(session, step) for step in job["plan"]]
            if job.get("refresh"):
                before = memory.tokens.access_token
                provider.context.token_expiry_time = 1.0
                report["refreshed"] = await call(session, job["plan"][0])
                report["rotated"] = memory.tokens.access_token != before
    report |= {"walks": person.walks, "client": memory.client.client_id, "logs": logs}
    walk.report(report)


anyio.run(main)
