"""A server over HTTP by the library of the environment: the official Python SDK 1.x or 2.x, or FastMCP."""

import asyncio
import json
import sys

transport, port = sys.argv[1], int(sys.argv[2])

try:
    from fastmcp import Context, FastMCP
    from fastmcp.server.dependencies import get_http_headers

    server = FastMCP("remote", version="1")

    def headers(ctx):
        return get_http_headers(include_all=True)

    def run():
        server.run(transport={"http": "http", "sse": "sse"}[transport], host="127.0.0.1", port=port, show_banner=False)
except ImportError:
    try:
        from mcp.server.mcpserver import Context, MCPServer

        server = MCPServer("remote", version="1")

        def run():
            serve = server.run_sse_async if transport == "sse" else server.run_streamable_http_async
            asyncio.run(serve(port=port))
    except ImportError:
        from mcp.server.fastmcp import Context, FastMCP

        server = FastMCP("remote", host="127.0.0.1", port=port)

        def run():
            server.run(transport="sse" if transport == "sse" else "streamable-http")

    def headers(ctx):
        return dict(ctx.request_context.request.headers)

from pydantic import BaseModel


class Name(BaseModel):
    name: str


@server.tool()
def echo(message: str) -> str:
    """Says it back."""
    return message


@server.tool()
async def fields(ctx: Context) -> str:
    """The header fields of the request."""
    return json.dumps(headers(ctx))


@server.tool()
async def progress(ctx: Context) -> str:
    """Reports three steps."""
    for step in range(1, 4):
        await ctx.report_progress(step, 3, f"step {step}")
    return "done"


@server.tool()
async def elicit(ctx: Context) -> str:
    """Asks for a name."""
    answer = await ctx.elicit("What is your name?", Name)
    return f"hello {answer.data.name}" if answer.action == "accept" else answer.action


@server.tool()
async def slow() -> str:
    """Waits to be cancelled; leaves a note on standard output when it is."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise
    return "late"


run()
