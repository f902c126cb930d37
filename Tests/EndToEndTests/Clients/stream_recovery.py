"""The official Python SDK with tokens that expire every moment: whatever ends, it comes back and misses nothing."""

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

import walk


async def main():
    job = walk.task()
    seen, steps = [], []

    async def message(incoming):
        seen.append(type(getattr(incoming, "root", incoming)).__name__)

    async def note(value, total=None, message=None):
        steps.append(value)

    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {job['token']}"}, timeout=30) as http:
        client = Client(
            streamable_http_client(job["url"], http_client=http), mode="legacy", message_handler=message,
            read_timeout_seconds=30,
        )
        async with client:
            protocol = client.protocol_version
            for _ in range(job["rounds"]):
                await client.call_tool("changed", {})
                await anyio.sleep(job["pause"])
            result = await client.call_tool("progress", {"pause": job["pause"]}, progress_callback=note)
            with anyio.move_on_after(10):
                while sum("ListChanged" in name for name in seen) < job["rounds"]:
                    await anyio.sleep(0.05)
    changed = sum("ListChanged" in name for name in seen)
    walk.report(
        {"protocol": protocol, "changed": changed, "steps": steps, "text": result.content[0].text, "seen": seen}
    )


anyio.run(main)
