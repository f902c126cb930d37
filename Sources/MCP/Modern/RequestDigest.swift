import Crypto
import JSON

/// What makes a retry the same request as the one before (c27): method and parameters without the envelope and without
/// what only a retry carries. Independent of the order of members and of how texts are escaped.
package enum RequestDigest {
    /// SHA-256 of it.
    package static func make(_ message: JSONRPCMessage) -> [UInt8] {
        var text: [UInt8] = []
        append(message.method, to: &text)
        guard let params = message.params, params.isObject else { return SHA256.digest(text).bytes }
        let own: [StaticString] = ["_meta", "inputResponses", "requestState"]
        appendMembers(params.members.filter { member in !own.contains { member.key.equals($0) } }, to: &text)
        return SHA256.digest(text).bytes
    }

    private static func append(_ node: JSONNode?, to text: inout [UInt8]) {
        guard let node else { return text.append(0) }
        switch node.kind {
        case .object: appendMembers(Array(node.members), to: &text)
        case .array:
            text.append(UInt8(ascii: "["))
            for element in node.elements { append(element, to: &text) }
            text.append(UInt8(ascii: "]"))
        case .string: appendString(node, to: &text)
        case .number, .boolean, .null:
            text += node.bytes
            text.append(UInt8(ascii: ","))
        }
    }

    private static func appendMembers(_ members: [(key: JSONNode, value: JSONNode)], to text: inout [UInt8]) {
        let sorted = members.map { (key: $0.key.stringBytes ?? [], node: $0) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
        text.append(UInt8(ascii: "{"))
        for (_, member) in sorted {
            appendString(member.key, to: &text)
            append(member.value, to: &text)
        }
        text.append(UInt8(ascii: "}"))
    }

    // With its length in front, so that no two sequences of texts look the same.
    private static func appendString(_ node: JSONNode, to text: inout [UInt8]) {
        let bytes = node.stringBytes ?? []
        text += "\"\(bytes.count):".utf8
        text += bytes
    }
}
