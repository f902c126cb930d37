"""What clients built on the official Python SDK answer to servers, with the types of either generation of it."""


class Answers:
    """The callbacks of a client; `types` is the SDK's module of types."""

    def __init__(self, types):
        self.types = types

    async def sample(self, context, params):
        text = self.types.TextContent(type="text", text="sampled by the client")
        return self.types.CreateMessageResult(role="assistant", content=text, model="test-model")

    async def elicit(self, context, params):
        properties = params.model_dump(by_alias=True)["requestedSchema"].get("properties", {})
        values = {"string": "elicited", "integer": 7, "number": 7.5, "boolean": True}
        content = {
            name: (rule.get("enum") or [values.get(rule.get("type"), "elicited")])[0]
            for name, rule in properties.items()
        }
        return self.types.ElicitResult(action="accept", content=content)

    async def roots(self, context):
        return self.types.ListRootsResult(roots=[self.types.Root(uri="file:///tests/root", name="the root")])


def texts(result):
    return "\n".join(block.text for block in result.content if getattr(block, "text", None) is not None)
