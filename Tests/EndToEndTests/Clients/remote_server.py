"""A server of the official Python SDK over Streamable HTTP, both eras, to be reached from afar."""

import asyncio
import sys
from typing import Annotated

from mcp.server.mcpserver import Context, MCPServer
from pydantic import BaseModel, Field

server = MCPServer("remote", version="1")


class Name(BaseModel):
    name: str


@server.tool()
def echo(message: str) -> str:
    """Says it back."""
    return message


@server.tool()
def region(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
    """Has an argument that is mirrored into a header."""
    return f"in {region}"


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


@server.tool(description="\x1b[31mred")
async def dressed(ctx: Context) -> str:
    await ctx.report_progress(1, 1, "step \x1b[31mone")
    return "\x1b[31mred\x1b]52;c;eA==\x07\n\tend"


@server.tool()
async def slow() -> str:
    """Waits to be cancelled; leaves a note on standard output when it is."""
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise
    return "late"


asyncio.run(server.run_streamable_http_async(port=int(sys.argv[1])))
