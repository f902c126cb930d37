import JSON

/// What a message of a server becomes on its way to a client.
package enum ClientBoundMessage {
    /// A response with the caller's own id.
    package static func response(_ message: JSONRPCMessage, id: JSONRPCID) -> [UInt8] {
        Splice.replacing(message.id, with: id.text, in: message.node)
    }

    /// A question under the id that the client will answer.
    package static func question(_ message: JSONRPCMessage, number: Int) -> [UInt8] {
        Splice.replacing(message.id, with: DecimalText.bytes(number), in: message.node)
    }

    /// A notification as it is.
    package static func notification(_ message: JSONRPCMessage) -> [UInt8] {
        Array(message.node.bytes)
    }

    /// Progress with the token that the caller chose.
    package static func progress(_ message: JSONRPCMessage, token: [UInt8]) -> [UInt8] {
        Splice.replacing(message.params?["progressToken"], with: token, in: message.node)
    }

    /// `notifications/cancelled` of a server, for the question that the client knows as `number`.
    package static func cancellation(_ message: JSONRPCMessage, number: Int) -> [UInt8] {
        Splice.replacing(message.params?["requestId"], with: DecimalText.bytes(number), in: message.node)
    }
}
