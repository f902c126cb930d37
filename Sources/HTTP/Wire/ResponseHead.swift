import Telemetry

/// Writes response heads.
///
/// What ends up on the wire is what was validated when it entered ``HTTPFields``: names are tokens, values have no line
/// ends (H12). Fields that belong to the connection are written here alone.
struct ResponseHead {
    /// How the content is delimited.
    enum Framing: Equatable {
        /// No content and no field that speaks of it: 204, 304.
        case none
        case length(Int)
        case chunked
        /// Until the connection closes, for HTTP/1.0.
        case untilClose
    }

    private static let owned: [HTTPFieldName] = [
        "connection", "content-length", "date", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    let status: HTTPStatus
    let fields: HTTPFields
    let framing: Framing
    let keepsAlive: Bool
    let isHTTP11: Bool
    /// What the log calls the request, so that whoever asked can name it to the operator.
    let requestID: RequestID

    /// Appends the head and the empty line.
    func write(to output: inout [UInt8], date: [UInt8]) {
        writeStatusLine(to: &output)
        output += date
        Self.append("x-request-id: ", to: &output)
        requestID.append(to: &output)
        Self.append("\r\n", to: &output)
        writeFields(to: &output)
        switch framing {
        case .none, .untilClose: break
        case .length(let count):
            Self.append("content-length: ", to: &output)
            Self.append(decimal: count, to: &output)
            Self.append("\r\n", to: &output)
        case .chunked: Self.append("transfer-encoding: chunked\r\n", to: &output)
        }
        if !keepsAlive {
            Self.append("connection: close\r\n", to: &output)
        } else if !isHTTP11 {
            Self.append("connection: keep-alive\r\n", to: &output)
        }
        Self.append("\r\n", to: &output)
    }

    private func writeStatusLine(to output: inout [UInt8]) {
        if status == .ok {
            Self.append("HTTP/1.1 200 OK\r\n", to: &output)
            return
        }
        Self.append("HTTP/1.1 ", to: &output)
        Self.append(decimal: status.code, to: &output)
        output.append(32)
        Self.append(status.reason, to: &output)
        Self.append("\r\n", to: &output)
    }

    private func writeFields(to output: inout [UInt8]) {
        if fields.isWireForm, !fields.entries.contains(where: isOwned) {
            output += fields.text
            return
        }
        for entry in fields.entries where !isOwned(entry) {
            output += fields.text[entry.nameRange]
            output.append(UInt8(ascii: ":"))
            output.append(32)
            output += fields.text[entry.valueRange]
            output.append(13)
            output.append(10)
        }
    }

    private func isOwned(_ entry: HTTPFields.Entry) -> Bool {
        // The length rules out nearly every field before a byte is compared.
        switch entry.nameCount {
        case 2, 4, 7, 10, 14, 16, 17: Self.owned.contains { fields.matches(entry, $0) }
        default: false
        }
    }

    /// Appends the size line of a chunk.
    static func append(chunkSize count: Int, to output: inout [UInt8]) {
        append(String(count, radix: 16), to: &output)
        append("\r\n", to: &output)
    }

    static func append(_ text: StaticString, to output: inout [UInt8]) {
        text.withUTF8Buffer { bytes in
            unsafe output.append(contentsOf: bytes)
        }
    }

    private static func append(_ text: String, to output: inout [UInt8]) {
        output += text.utf8
    }

    private static func append(decimal number: Int, to output: inout [UInt8]) {
        append(String(number), to: &output)
    }
}
