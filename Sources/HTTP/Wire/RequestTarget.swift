/// The target of a request line, RFC 9112 §3.2, brought to the one form that decides (R06).
///
/// Only unreserved characters may be encoded, and they are decoded. Whatever another program might read as another path
/// (dot segments, empty segments, an encoded slash, `;`, `\`, `#`, control characters, double encoding) is refused.
struct RequestTarget: Equatable {
    let path: String
    let query: String?
    /// The authority of the absolute form; nil in the others.
    let authority: ArraySlice<UInt8>?

    init(parsing target: ArraySlice<UInt8>, method: HTTPMethod) throws(HTTPRefusal) {
        if target.elementsEqual("*".utf8) {
            guard method == .options else { throw .target }
            path = "*"
            query = nil
            authority = nil
            return
        }
        var rest = target
        authority = try Self.takeAuthority(&rest)
        let end = rest.firstIndex(of: UInt8(ascii: "?")) ?? rest.endIndex
        path = try Self.canonical(rest[..<end])
        if end == rest.endIndex {
            query = nil
        } else {
            let bytes = rest[(end + 1)...]
            // Browsers leave brackets and the like unencoded in a query, and nothing here decides by it.
            guard bytes.allSatisfy({ $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") }) else { throw .target }
            query = String(decoding: bytes, as: UTF8.self)
        }
    }

    /// Takes `http://authority` off the front.
    private static func takeAuthority(_ rest: inout ArraySlice<UInt8>) throws(HTTPRefusal) -> ArraySlice<UInt8>? {
        if rest.first == UInt8(ascii: "/") { return nil }
        for prefix in ["http://", "https://"] {
            let count = prefix.utf8.count
            guard rest.count > count, ByteClass.equalIgnoringCase(rest.prefix(count), Array(prefix.utf8)) else {
                continue
            }
            let start = rest.startIndex + count
            let end = rest[start...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            let authority = rest[start..<end]
            rest = rest[end...]
            return authority
        }
        throw .target
    }

    private static func canonical(_ bytes: ArraySlice<UInt8>) throws(HTTPRefusal) -> String {
        // The absolute form may have no path.
        if bytes.isEmpty { return "/" }
        if bytes.allSatisfy({ ByteClass.isPath($0) || $0 == UInt8(ascii: "/") }) {
            try checkSegments(bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "%") {
                guard bytes.endIndex - index >= 3, let high = ByteClass.hexValue(bytes[index + 1]),
                    let low = ByteClass.hexValue(bytes[index + 2]), ByteClass.isUnreserved(high << 4 | low)
                else { throw .target }
                decoded.append(high << 4 | low)
                index += 3
            } else {
                guard ByteClass.isPath(byte) || byte == UInt8(ascii: "/") else { throw .target }
                decoded.append(byte)
                index += 1
            }
        }
        try checkSegments(decoded[...])
        return String(decoding: decoded, as: UTF8.self)
    }

    /// No `//`, no `/./`, no `/../`; a slash at the end is another path, which the router knows or not.
    private static func checkSegments(_ path: ArraySlice<UInt8>) throws(HTTPRefusal) {
        guard path.first == UInt8(ascii: "/") else { throw .target }
        var start = path.startIndex + 1
        for index in start..<path.endIndex where path[index] == UInt8(ascii: "/") {
            let segment = path[start..<index]
            if segment.isEmpty || isDots(segment) { throw .target }
            start = index + 1
        }
        if isDots(path[start...]) { throw .target }
    }

    private static func isDots(_ segment: ArraySlice<UInt8>) -> Bool {
        segment.count <= 2 && !segment.isEmpty && segment.allSatisfy { $0 == UInt8(ascii: ".") }
    }
}

extension HTTPRefusal {
    static let target = HTTPRefusal(.badRequest, "The path is not in its plain form.")
}
