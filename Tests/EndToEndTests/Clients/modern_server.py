"""A server of the official Python SDK on standard input and output; it speaks the era in which it is opened."""

from typing import Annotated

from mcp.server.mcpserver import Context, Elicit, ListRoots, MCPServer, Resolve, Sample
from mcp_types import CreateMessageResult, ListRootsResult, SamplingMessage, TextContent
from pydantic import BaseModel

server = MCPServer("sdk", version="1", instructions="Made by the SDK.")


class Name(BaseModel):
    name: str


def ask_name():
    return Elicit("What is your name?", Name)


def ask_model():
    return Sample([SamplingMessage(role="user", content=TextContent(type="text", text="?"))], max_tokens=5)


def ask_roots():
    return ListRoots()


@server.tool()
def echo(message: str) -> str:
    return message


@server.tool()
def numbers() -> list[int]:
    return [1, 2]


@server.tool()
def version(ctx: Context) -> str:
    """The revision in which it is spoken to."""
    return str(ctx.protocol_version)


@server.tool()
def greet(name: Annotated[Name, Resolve(ask_name)]) -> str:
    return f"hello {name.name}"


@server.tool()
def everything(
    name: Annotated[Name, Resolve(ask_name)], said: Annotated[CreateMessageResult, Resolve(ask_model)],
    roots: Annotated[ListRootsResult, Resolve(ask_roots)],
) -> str:
    return f"{name.name}, {said.content.text}, {roots.roots[0].uri}"


@server.tool()
async def progress(ctx: Context) -> str:
    for step in range(1, 4):
        await ctx.report_progress(step, 3, f"step {step}")
    return "done"


@server.tool()
async def touch(uri: str, ctx: Context) -> str:
    """Says that a resource and the list of tools have changed."""
    await ctx.notify_resource_updated(uri)
    await ctx.notify_tools_changed()
    return "touched"


@server.resource("note://one")
def note() -> str:
    return "a note"


@server.prompt()
def hello(name: str) -> str:
    return f"Greet {name}."


server.run("stdio")
