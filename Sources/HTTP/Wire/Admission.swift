/// A request that may be answered. An object: a connection sends the same head again and again.
// SAFETY: confined to the loop of its connection, which alone fills `request`.
final class AdmittedHead {
    /// How the content is delimited.
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
    }

    let method: HTTPMethod
    let target: RequestTarget
    let authority: String
    let fields: HTTPFields
    let framing: Framing
    /// Whether the client understands chunks and interim responses.
    let isHTTP11: Bool
    let wantsKeepAlive: Bool
    let expectsContinue: Bool
    /// What handlers noted about this head; nil where it is not remembered.
    let memory: RequestMemory?
    /// The request that it makes, made once; each that comes is that one with another name.
    var request: HTTPRequest?

    init(
        method: HTTPMethod, target: RequestTarget, authority: String, fields: HTTPFields, framing: Framing,
        isHTTP11: Bool, wantsKeepAlive: Bool, expectsContinue: Bool, memory: RequestMemory? = nil
    ) {
        self.method = method
        self.target = target
        self.authority = authority
        self.fields = fields
        self.framing = framing
        self.isHTTP11 = isHTTP11
        self.wantsKeepAlive = wantsKeepAlive
        self.expectsContinue = expectsContinue
        self.memory = memory
    }

    /// The same with other content.
    func with(_ fields: HTTPFields, _ framing: Framing) -> AdmittedHead {
        AdmittedHead(
            method: method, target: target, authority: authority, fields: fields, framing: framing, isHTTP11: isHTTP11,
            wantsKeepAlive: wantsKeepAlive, expectsContinue: expectsContinue, memory: memory)
    }
}

/// Judges heads: refuses what Beast lets through and what this server does not do.
///
/// Every refusal ends the connection after one answer: whoever sends such a head cannot be trusted to frame the next.
struct Admission {
    /// The last `Host` and its validated form: on one connection it is nearly always the same.
    private var lastHost: [UInt8] = []
    private var lastAuthority = ""
    /// The same for the target in its common form.
    private var lastTargetText: [UInt8] = []
    private var lastTarget: RequestTarget?

    /// `memory` where the head may come again.
    mutating func admit(
        _ head: RawRequestHead, memory: RequestMemory? = nil
    ) throws(HTTPRefusal) -> AdmittedHead {
        let method = try Self.method(head.method)
        var findings = Findings()
        for field in head.fields { try findings.note(field, of: head) }
        let isHTTP11 = head.minorVersion == 1
        let framing = try findings.framing(isHTTP11: isHTTP11)
        guard let host = findings.host else { throw .host }
        let authority = try authority(head.text[host])
        let target = try target(head.target, method)
        if let other = target.authority, !ByteClass.equalIgnoringCase(other, Array(authority.utf8)) { throw .host }
        return AdmittedHead(
            method: method, target: target, authority: authority,
            fields: findings.handedOn(head), framing: framing, isHTTP11: isHTTP11,
            wantsKeepAlive: findings.wantsClose ? false : isHTTP11 || findings.wantsKeepAlive,
            expectsContinue: findings.expectsContinue && isHTTP11 && framing != .none, memory: memory)
    }

    /// RFC 9110 §9.1: names are case-sensitive. What is no method of ours is 501, what looks like a mangled one 400.
    private static func method(_ bytes: ArraySlice<UInt8>) throws(HTTPRefusal) -> HTTPMethod {
        if let method = HTTPMethod(bytes: bytes) { return method }
        guard bytes.allSatisfy({ (65...90).contains($0) || $0 == UInt8(ascii: "-") }) else { throw .malformed }
        throw HTTPRefusal(.notImplemented, "This server does not know the method.")
    }

    private mutating func target(_ text: ArraySlice<UInt8>, _ method: HTTPMethod) throws(HTTPRefusal) -> RequestTarget {
        if let lastTarget, text.elementsEqual(lastTargetText) { return lastTarget }
        let target = try RequestTarget(parsing: text, method: method)
        if text.first == UInt8(ascii: "/") {
            lastTargetText = Array(text)
            lastTarget = target
        }
        return target
    }

    private mutating func authority(_ host: ArraySlice<UInt8>) throws(HTTPRefusal) -> String {
        if host.elementsEqual(lastHost) { return lastAuthority }
        // A refused authority is never remembered.
        guard (try? HTTPAuthority.parse(host)) != nil else { throw .host }
        lastHost = Array(host)
        lastAuthority = String(decoding: host.map(ByteClass.lowercased), as: UTF8.self)
        return lastAuthority
    }
}

/// What the fields of one head say about the connection.
private struct Findings {
    var host: Range<Int>?
    var length: Int?
    var isChunked = false
    var wantsClose = false
    var wantsKeepAlive = false
    var expectsContinue = false
    /// Names that `Connection` calls hop-by-hop beyond those that everybody knows.
    var connectionNames: [[UInt8]] = []

    mutating func note(_ field: RawRequestHead.Field, of head: RawRequestHead) throws(HTTPRefusal) {
        let range = field.entry.valueRange
        if field.hasHighBytes, String(validating: head.text[range], as: UTF8.self) == nil { throw .malformed }
        let value = head.text[range]
        switch field.kind {
        case .other, .hopByHop: break
        case .host:
            guard host == nil, !value.isEmpty else { throw .host }
            host = range
        case .contentLength:
            // One field of nothing but digits: no list, no repetition, not even an equal one.
            guard length == nil, let count = ByteClass.decimal(value) else { throw .framing }
            length = count
        case .transferEncoding:
            guard !isChunked, ByteClass.equalIgnoringCase(value, Array("chunked".utf8)) else { throw .framing }
            isChunked = true
        case .connection: try noteConnection(value)
        case .expect:
            guard ByteClass.equalIgnoringCase(value, Array("100-continue".utf8)) else {
                throw HTTPRefusal(.expectationFailed, "Only 100-continue can be expected.")
            }
            expectsContinue = true
        case .contentEncoding:
            guard ByteClass.equalIgnoringCase(value, Array("identity".utf8)) else {
                throw HTTPRefusal(.unsupportedMediaType, "Encoded content is not taken; send it plain.")
            }
        }
    }

    private mutating func noteConnection(_ value: ArraySlice<UInt8>) throws(HTTPRefusal) {
        for part in value.split(separator: UInt8(ascii: ",")) {
            let name = ByteClass.trimmed(part).map(ByteClass.lowercased)
            switch String(decoding: name, as: UTF8.self) {
            case "": break
            case "close": wantsClose = true
            case "keep-alive": wantsKeepAlive = true
            // Meant for the last recipient: calling them hop-by-hop would take them out of the checks (RFC 9110 §7.6.1).
            case "host", "origin", "authorization", "cookie", "content-type", "content-length", "transfer-encoding",
                "content-encoding", "expect", "accept", "sec-fetch-site", "mcp-session-id", "mcp-protocol-version":
                throw .malformed
            default:
                guard !Self.speaksOfPeople(name) else { throw .malformed }
                connectionNames.append(name)
            }
        }
    }

    /// Whether a field of this name says on whose behalf or from where somebody asks, in whatever spelling. What a client
    /// calls hop-by-hop is taken out before anybody looks for forgeries, and a proxy in front may pass it on (R07).
    private static func speaksOfPeople(_ name: [UInt8]) -> Bool {
        let folded = name.map { $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") ? UInt8(ascii: "-") : $0 }
        return peopleFields.contains { folded.starts(with: $0.utf8) }
    }

    private static let peopleFields = [
        "x-user-", "x-client-id", "x-scope", "x-auth-token", "x-sallyport-", "x-forwarded-", "x-real-ip", "forwarded",
    ]

    /// RFC 9112 §6.3, stricter: both fields at once, and chunks from HTTP/1.0, are refused (H01).
    func framing(isHTTP11: Bool) throws(HTTPRefusal) -> AdmittedHead.Framing {
        if isChunked {
            guard length == nil, isHTTP11 else { throw .framing }
            return .chunked
        }
        guard let length, length > 0 else { return .none }
        return .length(length)
    }

    /// The fields for the handler, in the order of the wire, without those of this connection.
    func handedOn(_ head: RawRequestHead) -> HTTPFields {
        var entries: [HTTPFields.Entry] = []
        entries.reserveCapacity(head.fields.count)
        for field in head.fields {
            switch field.kind {
            case .hopByHop, .connection, .transferEncoding, .expect: continue
            case .other, .host, .contentLength, .contentEncoding:
                if !connectionNames.isEmpty, connectionNames.contains(Array(head.text[field.entry.nameRange])) {
                    continue
                }
                entries.append(field.entry)
            }
        }
        return HTTPFields(validated: head.text, entries: entries)
    }
}

extension HTTPRefusal {
    static let host = HTTPRefusal(.badRequest, "The request needs one valid Host.")
    static let framing = HTTPRefusal(.badRequest, "The length of the request is not clear.")
}
