import HTTP

/// What a client sends and takes (c3); the rules of the SDKs.
enum MediaTypes {
    private static let json = Array("application/json".utf8)
    private static let events = Array("text/event-stream".utf8)
    private static let usual = Array("application/json, text/event-stream".utf8)

    /// What the head of a request says about both.
    private final class Known: Sendable {
        let isJSON: Bool
        let acceptsBoth: Bool
        init(_ fields: HTTPFields) {
            isJSON = MediaTypes.isJSON(fields)
            acceptsBoth = MediaTypes.acceptsBoth(fields)
        }
    }

    /// Whether the content is JSON, and whether it can be answered both ways.
    static func ofPost(_ request: HTTPRequest) -> (isJSON: Bool, acceptsBoth: Bool) {
        let known = request.memory?.note { Known(request.fields) } ?? Known(request.fields)
        return (known.isJSON, known.acceptsBoth)
    }

    /// Whether the content is JSON: parameters do not matter.
    static func isJSON(_ fields: HTTPFields) -> Bool {
        guard fields.count(of: "content-type") == 1, let type = fields.bytes("content-type") else { return false }
        if type.elementsEqual(json) { return true }
        return equal(name(of: type), json)
    }

    /// Whether a POST can be answered both ways.
    static func acceptsBoth(_ fields: HTTPFields) -> Bool {
        if let accept = fields.bytes("accept"), accept.elementsEqual(usual) { return true }
        return accepts(json, fields) && accepts(events, fields)
    }

    /// Whether a GET can be answered with events.
    static func acceptsEvents(_ fields: HTTPFields) -> Bool { accepts(events, fields) }

    private static func accepts(_ type: [UInt8], _ fields: HTTPFields) -> Bool {
        let family = type.prefix { $0 != UInt8(ascii: "/") } + Array("/*".utf8)
        return fields.list("accept").contains { member in
            let range = name(of: Array(member.utf8)[...])
            return equal(range, type) || equal(range, Array(family)) || range.elementsEqual("*/*".utf8)
        }
    }

    private static func name(of type: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var name = type.prefix { $0 != UInt8(ascii: ";") }
        while name.last == 0x20 || name.last == 0x09 { name.removeLast() }
        return name
    }

    private static func equal(_ left: ArraySlice<UInt8>, _ right: [UInt8]) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { lowercased($0) == $1 }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }
}
