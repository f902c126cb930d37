package import JSON

/// An error of JSON-RPC 2.0 §5.1: what a caller gets instead of a result.
package struct JSONRPCError: Error, Sendable, Hashable {
    /// The numbers in use. Ours lie outside -32768…-32000, which JSON-RPC and MCP keep for themselves.
    package struct Code: Sendable, Hashable {
        package let value: Int64

        package init(_ value: Int64) {
            self.value = value
        }

        package static let parseError = Code(-32700)
        package static let invalidRequest = Code(-32600)
        package static let methodNotFound = Code(-32601)
        package static let invalidParams = Code(-32602)
        package static let internalError = Code(-32603)
        /// What the SDKs answer for a session that is not, or no longer, known.
        package static let sessionNotFound = Code(-32001)
        /// 2026-07-28: the header fields do not say what the body says.
        package static let headerMismatch = Code(-32020)
        /// 2026-07-28: the client did not declare what the server needs of it.
        package static let missingClientCapability = Code(-32021)
        /// 2026-07-28: a protocol version that is not served.
        package static let unsupportedProtocolVersion = Code(-32022)
        /// A client's refusal to sample (2025-11-25).
        package static let refused = Code(-1)
        /// Ours: the call took longer than the server's deadline (F04).
        package static let deadlineExceeded = Code(1001)
        /// Ours: a limit of this gateway is reached (M10, P05).
        package static let limitReached = Code(1002)
        /// Ours: the caller cancelled the call.
        package static let cancelled = Code(1003)
        /// Ours: a server was not reached, or let nobody in, which says nothing about what it speaks (d4).
        package static let unreachable = Code(1005)
        /// Ours: the caller's scopes are not enough (403).
        package static let insufficientScope = Code(1004)
    }

    package let code: Code
    /// For the peer.
    package let message: String
    package let data: JSONValue?

    package init(_ code: Code, _ message: String, data: JSONValue? = nil) {
        self.code = code
        self.message = message
        self.data = data
    }

    /// The message that carries it. Without `id` the member is left out: MCP's schemas know no null (c7).
    package func response(to id: JSONRPCID?) -> [UInt8] {
        var text: [UInt8] = Array("{\"jsonrpc\":\"2.0\",".utf8)
        if let id {
            text += "\"id\":".utf8
            text += id.text
            text.append(UInt8(ascii: ","))
        }
        text += "\"error\":".utf8
        var members: [JSONValue.Member] = [
            .init("code", .integer(code.value)), .init("message", .string(message)),
        ]
        if let data { members.append(.init("data", data)) }
        JSONValue.object(members).append(to: &text)
        text.append(UInt8(ascii: "}"))
        return text
    }
}

/// Messages that this program makes itself.
package enum JSONRPCText {
    /// A response with a result that is JSON text already.
    package static func response(to id: JSONRPCID, result: [UInt8]) -> [UInt8] {
        var text: [UInt8] = Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8)
        text += id.text
        text += ",\"result\":".utf8
        text += result
        text.append(UInt8(ascii: "}"))
        return text
    }

    /// `notifications/cancelled` for a request of ours.
    package static func cancelled(_ id: JSONRPCID, reason: StaticString) -> [UInt8] {
        var text: [UInt8] = Array("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":".utf8)
        text += "{\"requestId\":".utf8
        text += id.text
        text += ",\"reason\":".utf8
        JSONText.appendQuoted(reason.description, to: &text)
        text += "}}".utf8
        return text
    }
}
