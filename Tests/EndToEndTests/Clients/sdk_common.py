"""What clients built on the current Python SDK answer and how they call."""

import mcp_types

from sdk_answers import Answers, texts

answers = Answers(mcp_types)


async def call(client, step):
    progress = []

    async def note(value, total=None, message=None):
        progress.append([value, total, message])

    result = await client.call_tool(step["tool"], step.get("arguments", {}), progress_callback=note)
    return {"text": texts(result), "error": bool(result.is_error), "progress": progress}
