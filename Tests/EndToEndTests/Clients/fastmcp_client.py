"""FastMCP's client with its own OAuth: it opens a "browser" (browser.py, by way of BROWSER) and waits on a local port."""

import asyncio

from fastmcp import Client

import walk


async def sample(messages, params, context):
    return "sampled by the client"


async def elicit(message, response_type, params, context):
    properties = getattr(params, "requested_schema", {}).get("properties", {})
    values = {"string": "elicited", "integer": 7, "number": 7.5, "boolean": True}
    return {
        name: (rule.get("enum") or [values.get(rule.get("type"), "elicited")])[0] for name, rule in properties.items()
    }


async def call(client, step):
    progress = []

    async def note(value, total=None, message=None):
        progress.append([value, total, message])

    result = await client.call_tool(
        step["tool"], step.get("arguments", {}), progress_handler=note, raise_on_error=False
    )
    text = "\n".join(block.text for block in result.content if getattr(block, "text", None) is not None)
    return {"text": text, "error": bool(result.is_error), "progress": progress}


async def main():
    job = walk.task()
    logs = []

    async def log(message):
        logs.append([str(message.level), message.data])

    client = Client(
        job["url"], auth="oauth", sampling_handler=sample, elicitation_handler=elicit, log_handler=log,
        roots=["file:///tests/root"], timeout=30,
    )
    async with client:
        report = {"tools": [tool.name for tool in await client.list_tools()]}
        report["results"] = [await call(client, step) for step in job["plan"]]
    report["logs"] = logs
    walk.report(report)


asyncio.run(main())
