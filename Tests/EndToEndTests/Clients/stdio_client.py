"""The official Python SDK on the local side of `sallyport connect`: a stdio client like any other."""

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

import sdk_common
import walk


async def main():
    job, logs = walk.task(), []

    async def log(params):
        logs.append([str(params.level), params.data])

    server = StdioServerParameters(command=job["command"][0], args=job["command"][1:], env=job.get("environment"))
    client = Client(
        stdio_client(server), mode=job["mode"], sampling_callback=sdk_common.answers.sample,
        elicitation_callback=sdk_common.answers.elicit, list_roots_callback=sdk_common.answers.roots,
        logging_callback=log,
        read_timeout_seconds=30,
    )
    async with client:
        report = {"protocol": client.protocol_version, "server": client.server_info and client.server_info.name}
        report["tools"] = [tool.name for tool in (await client.list_tools()).tools]
        report["results"] = [await sdk_common.call(client, step) for step in job["plan"]]
        if job.get("cancel"):
            with anyio.move_on_after(1):
                await client.call_tool(job["cancel"], {})
    walk.report(report | {"logs": logs})


anyio.run(main)
