import Foundation

/// An answer as it came over the wire.
package struct PlainResponse: Sendable {
    package var status: Int
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    /// The first value of a header, whatever its case.
    package func header(_ name: String) -> String? { values(name).first }
    /// All values of a header.
    package func values(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
    package var text: String { String(decoding: body, as: UTF8.self) }
    /// The body as JSON; nil when it is none.
    package var json: Any? { try? JSONSerialization.jsonObject(with: Data(body), options: .fragmentsAllowed) }
    /// The body as a JSON object; empty when it is none.
    package var object: [String: Any] { json as? [String: Any] ?? [:] }
    package var isEventStream: Bool { header("content-type")?.hasPrefix("text/event-stream") ?? false }
}

/// One server-sent event.
package struct PlainEvent: Sendable, Equatable {
    package var id: String?
    package var event: String?
    package var data: String?
    package var retry: String?

    package var object: [String: Any] {
        data.flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) } as? [String: Any] ?? [:]
    }
}

/// An HTTP/1.1 exchange on a ``PlainConnection``. Blocking: call it from `onThread`.
package final class PlainHTTP {
    package let connection: PlainConnection
    private let host: String
    private var streamLines: [String] = []
    private var chunkRest = ""

    package init(
        port: Int, host: String? = nil, address: String = "127.0.0.1", from source: String? = nil, timeout: Double = 10
    ) throws {
        connection = try PlainConnection(port: port, address: address, from: source, timeout: timeout)
        self.host = host ?? "localhost:\(port)"
    }

    /// Writes one request; `headers` may replace Host and Content-Length.
    package func send(_ method: String, _ target: String, _ headers: [String: String] = [:], body: [UInt8] = []) throws
    {
        var fields = headers
        let given = Set(headers.keys.map { $0.lowercased() })
        if !given.contains("host") { fields["Host"] = host }
        if !given.contains("content-length"), !body.isEmpty || method == "POST" {
            fields["Content-Length"] = "\(body.count)"
        }
        let lines = fields.map { "\($0.key): \($0.value)\r\n" }.joined()
        try connection.send(Array("\(method) \(target) HTTP/1.1\r\n\(lines)\r\n".utf8) + body)
    }

    /// Reads status line and headers; the body stays on the wire.
    package func receiveHead() throws -> PlainResponse {
        let words = try connection.receiveLine().split(separator: " ")
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            throw PlainConnectionError.malformed("status line: \(words)")
        }
        var response = PlainResponse(status: status, headers: [], body: [])
        while true {
            let line = try connection.receiveLine()
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":") else { throw PlainConnectionError.malformed(line) }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            response.headers.append((String(line[..<colon]), value))
        }
        return status == 100 ? try receiveHead() : response
    }

    /// Reads a whole answer.
    package func receive(head: Bool = false) throws -> PlainResponse {
        var response = try receiveHead()
        if head || response.status == 204 || response.status == 304 { return response }
        if response.header("transfer-encoding")?.lowercased() == "chunked" {
            while let chunk = try receiveChunk() { response.body += chunk }
        } else if let length = response.header("content-length").flatMap({ Int($0) }) {
            response.body = try connection.receive(exactly: length)
        } else {
            response.body = try connection.receiveAll()
        }
        return response
    }

    /// The next chunk of a chunked body; nil after the last.
    package func receiveChunk() throws -> [UInt8]? {
        let size = try connection.receiveLine()
        guard let count = Int(size.prefix { $0 != ";" }, radix: 16) else { throw PlainConnectionError.malformed(size) }
        let bytes = try connection.receive(exactly: count)
        _ = try connection.receiveLine()
        return count == 0 ? nil : bytes
    }

    /// The next event of a chunked event stream; nil at its end. Comments are skipped.
    package func receiveEvent() throws -> PlainEvent? {
        var event = PlainEvent()
        var filled = false
        while let line = try receiveStreamLine() {
            if line.isEmpty {
                if filled { return event }
                continue
            }
            guard !line.hasPrefix(":") else { continue }
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let raw = parts.count > 1 ? parts[1] : ""
            let value = String(raw.hasPrefix(" ") ? raw.dropFirst() : raw)
            filled = true
            switch parts[0] {
            case "id": event.id = value
            case "event": event.event = value
            case "retry": event.retry = value
            case "data": event.data = event.data.map { $0 + "\n" + value } ?? value
            default: break
            }
        }
        return filled ? event : nil
    }

    private func receiveStreamLine() throws -> String? {
        while streamLines.isEmpty {
            guard let chunk = try receiveChunk() else { return nil }
            chunkRest += String(decoding: chunk, as: UTF8.self)
            var lines = chunkRest.replacingOccurrences(of: "\r\n", with: "\n").components(separatedBy: "\n")
            chunkRest = lines.removeLast()
            streamLines = lines
        }
        return streamLines.removeFirst()
    }

    /// One request on a connection of its own.
    package static func exchange(
        port: Int, _ method: String, _ target: String, _ headers: [String: String] = [:], body: [UInt8] = [],
        from source: String? = nil, timeout: Double = 10
    ) throws -> PlainResponse {
        let http = try PlainHTTP(port: port, from: source, timeout: timeout)
        try http.send(method, target, headers.merging(["Connection": "close"]) { given, _ in given }, body: body)
        return try http.receive(head: method == "HEAD")
    }
}
