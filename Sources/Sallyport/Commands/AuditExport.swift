import Glibc
import JSON
import Telemetry

/// `sallyport audit export`: every event that matches, for another program.
struct AuditExport {
    /// How events are written.
    enum Format: String {
        /// As in the trail: one JSON object a line.
        case jsonl
        /// RFC 4180, with a heading.
        case csv
    }

    /// The heading of ``Format/csv``.
    static let columns = [
        "time", "action", "outcome", "user", "user_name", "client", "server", "tool", "request_id", "remote_address",
        "detail",
    ]

    let format: Format
    let listing: AuditListing

    private static let flushAt = 256 * 1024

    /// Writes what `search` finds; returns how many events that were.
    func write(_ search: AuditSearch, to output: borrowing Output) throws(CommandFailure) -> Int {
        var count = 0
        var text: [UInt8] = format == .csv ? Self.csv(Self.columns) : []
        var failure: CommandFailure?
        _ = search.forEach(from: AuditTrailReader.Position(day: search.query.firstDay)) { event in
            guard failure == nil else { return }
            text += line(event)
            count += 1
            guard text.count >= Self.flushAt else { return }
            failure = output.write(text)
            text.removeAll(keepingCapacity: true)
        }
        if let failure = failure ?? output.write(text) { throw failure }
        return count
    }

    private func line(_ event: JSONDocument) -> [UInt8] {
        switch format {
        case .jsonl: JSONValue(event.root).serialized() + [UInt8(ascii: "\n")]
        case .csv: Self.csv(listing.cells(event))
        }
    }

    /// A row of RFC 4180. A cell that a spreadsheet would take for a formula gets an apostrophe before it: clients name
    /// themselves.
    static func csv(_ cells: [String]) -> [UInt8] {
        let quoted = cells.map { cell in
            let isFormula = cell.utf8.first.map { "=+-@\t\r".utf8.contains($0) } ?? false
            let safe = (isFormula ? "'" : "") + cell
            guard safe.utf8.contains(where: { "\",\r\n".utf8.contains($0) }) else { return safe }
            return "\"" + safe.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
        }
        return Array((quoted.joined(separator: ",") + "\r\n").utf8)
    }
}

extension AuditExport {
    /// Where an export goes: a file that only its owner can read, or standard output.
    struct Output: ~Copyable {
        private let descriptor: Int32
        private let path: String?

        /// Makes the file, which must not be there unless it is to be replaced. No path, or `-`, is standard output.
        init(path: String?, isReplacing: Bool) throws(CommandFailure) {
            guard let path, path != "-" else {
                (descriptor, self.path) = (STDOUT_FILENO, nil)
                return
            }
            let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (isReplacing ? O_TRUNC : O_EXCL)
            descriptor = unsafe open(path, flags, 0o600)
            self.path = path
            guard descriptor >= 0 else {
                let error = errno
                throw CommandFailure(
                    code: .cannotCreate, message: "\(path): \(unsafe String(cString: strerror(error)))",
                    hint: error == EEXIST ? "--replace replaces it" : nil)
            }
        }

        deinit { if path != nil { close(descriptor) } }

        /// Writes everything, or says why not. A reader of a pipe that wants no more is no failure.
        func write(_ bytes: [UInt8]) -> CommandFailure? {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
                let error = errno
                if count < 0, error == EINTR { continue }
                guard count > 0 else {
                    if path == nil, error == EPIPE { return nil }
                    return CommandFailure(
                        code: .ioError,
                        message: "\(path ?? "standard output"): \(unsafe String(cString: strerror(error)))")
                }
                rest = rest.dropFirst(count)
            }
            return nil
        }
    }
}
