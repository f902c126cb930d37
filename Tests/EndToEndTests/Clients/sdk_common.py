"""What clients built on the official Python SDK answer and how they call."""

import mcp_types as types


async def sample(context, params):
    return types.CreateMessageResult(
        role="assistant", content=types.TextContent(type="text", text="sampled by the client"), model="test-model"
    )


async def elicit(context, params):
    properties = params.requested_schema.get("properties", {})
    values = {"string": "elicited", "integer": 7, "number": 7.5, "boolean": True}
    content = {
        name: (rule.get("enum") or [values.get(rule.get("type"), "elicited")])[0] for name, rule in properties.items()
    }
    return types.ElicitResult(action="accept", content=content)


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///tests/root", name="the root")])


def texts(result):
    return "\n".join(block.text for block in result.content if getattr(block, "text", None) is not None)


async def call(client, step):
    progress = []

    async def note(value, total=None, message=None):
        progress.append([value, total, message])

    result = await client.call_tool(step["tool"], step.get("arguments", {}), progress_callback=note)
    return {"text": texts(result), "error": bool(result.is_error), "progress": progress}
