import CBeast

/// What the next bytes of a connection came to.
enum RequestStep {
    /// Give the rest again, with more behind it.
    case needMore
    case head
    /// A piece of the content: these bytes of the input.
    case content(Range<Int>)
    case end
    case refused(HTTPRefusal)
}

/// Why a request is answered with an error and its connection closed, without a handler.
struct HTTPRefusal: Error, Equatable {
    let status: HTTPStatus
    let reason: String

    init(_ status: HTTPStatus, _ reason: String) {
        self.status = status
        self.reason = reason
    }

    static let malformed = HTTPRefusal(.badRequest, "The request is malformed.")
    static let lineTooLong = HTTPRefusal(.uriTooLong, "The request line is too long.")
    static let fieldsTooLarge = HTTPRefusal(.requestHeaderFieldsTooLarge, "The header fields are too large.")
    static let plainOverTLS = HTTPRefusal(.badRequest, "This address speaks https, and the request came without TLS.")
    static let noMemory = HTTPRefusal(.serviceUnavailable, "There is no memory for this request now; try again later.")
    static let tooSlow = HTTPRefusal(.requestTimeout, "The request took too long to arrive.")
}

/// The one owner of a Beast parser, used again for every message of its connection.
@safe final class RequestParser {
    private let parser: OpaquePointer

    init(limits: HTTPLimits) {
        let bounds = sp_limits(
            line: limits.lineBytes, field: limits.fieldBytes, fields: limits.headBytes,
            field_count: limits.fieldCount, chunk_extension: limits.chunkExtensionBytes)
        // Nothing comes back only when there is no memory for a few hundred bytes.
        guard let parser = unsafe sp_request_parser_new(bounds) else { fatalError("out of memory") }
        unsafe self.parser = parser
    }

    deinit {
        unsafe sp_request_parser_free(parser)
    }

    /// Prepares for the next message.
    func reset() {
        unsafe sp_request_parser_reset(parser)
    }

    /// Reads on; `consumed` counts the bytes of `input` that are done with.
    func feed(_ input: ArraySlice<UInt8>) -> (step: RequestStep, consumed: Int) {
        let result = unsafe input.withUnsafeBufferPointer { bytes in
            unsafe sp_request_parser_feed(parser, bytes.baseAddress, bytes.count)
        }
        switch result.event {
        case SP_HEAD: return (.head, result.consumed)
        case SP_CONTENT:
            let start = input.startIndex + result.content_start
            return (.content(start..<(start + result.content_count)), result.consumed)
        case SP_END: return (.end, result.consumed)
        case SP_NEED_MORE: return (.needMore, result.consumed)
        default:
            let refusal: HTTPRefusal =
                switch result.reason {
                case SP_LINE_TOO_LONG: .lineTooLong
                case SP_FIELDS_TOO_LARGE: .fieldsTooLarge
                default: .malformed
                }
            return (.refused(refusal), result.consumed)
        }
    }

    /// The head that ``RequestStep/head`` announced, copied out.
    func takeHead() -> RawRequestHead {
        let head = unsafe sp_request_parser_head(parser)
        let text = unsafe [UInt8](UnsafeBufferPointer(start: head.text, count: head.text_count))
        let parsed = unsafe UnsafeBufferPointer(start: head.fields, count: head.field_count)
        var fields: [RawRequestHead.Field] = []
        fields.reserveCapacity(parsed.count)
        for index in parsed.indices {
            let field = unsafe parsed[index]
            let name = Int(field.start)..<Int(field.start + field.name_count)
            fields.append(
                RawRequestHead.Field(
                    entry: HTTPFields.Entry(
                        name: name, value: name.upperBound..<(name.upperBound + Int(field.value_count))),
                    kind: RawRequestHead.Kind(rawValue: field.kind) ?? .hopByHop,
                    hasHighBytes: field.has_high_bytes != 0))
        }
        return unsafe RawRequestHead(
            text: text, methodCount: Int(head.method_count), targetCount: Int(head.target_count),
            minorVersion: Int(head.minor_version), fields: fields)
    }
}

/// A head as it was on the wire, split but not judged.
struct RawRequestHead {
    /// Fields that admission looks at.
    enum Kind: UInt8 {
        case other
        case host
        case contentLength
        case transferEncoding
        case connection
        case expect
        case contentEncoding
        /// For this connection alone: not handed on.
        case hopByHop
    }

    struct Field {
        let entry: HTTPFields.Entry
        let kind: Kind
        let hasHighBytes: Bool
    }

    /// Method, target, then names and values.
    let text: [UInt8]
    let methodCount: Int
    let targetCount: Int
    let minorVersion: Int
    let fields: [Field]

    var method: ArraySlice<UInt8> { text[..<methodCount] }
    var target: ArraySlice<UInt8> { text[methodCount..<(methodCount + targetCount)] }
}
