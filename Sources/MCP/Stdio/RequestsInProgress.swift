package import Telemetry

/// The requests on which a server works while it says something on standard error: what ties its lines to the access log.
package struct RequestsInProgress: Sendable {
    /// Whose requests these are; of those with the given numbers alone, where some are given.
    package typealias Lookup = @Sendable (_ numbers: Set<Int>?) -> RequestsInProgress

    /// How long one that was answered counts where the server works on nothing else: it may say something afterwards.
    private static let afterglow = Duration.milliseconds(250)
    /// And where it does: what it says and what it answers come by two ways, and the answer may be read first.
    private static let overlap = Duration.milliseconds(5)
    /// Most that a line names.
    private static let maximum = 4

    private var ids: [RequestID] = []
    private var others = 0

    /// Nobody's.
    package init() {}

    /// Those that have no answer, newest first, and the one that was answered last, so long ago. A batch is one request with
    /// several calls.
    package init(open: [RequestID], answered last: RequestID?, before age: Duration) {
        for id in open { add(id) }
        if let last, age < (open.isEmpty ? Self.afterglow : Self.overlap) { add(last) }
    }

    private mutating func add(_ id: RequestID) {
        if ids.contains(id) { return }
        if ids.count < Self.maximum { ids.append(id) } else { others += 1 }
    }

    /// Puts them beside a message: `request_id` where it is one, else `request_ids`, and how many more there are.
    package func mark(_ metadata: inout LogMetadata) {
        if ids.count > 1 {
            metadata["request_ids"] = .string(ids.map(\.value).joined(separator: " "))
        } else if let id = ids.first {
            metadata["request_id"] = .string(id.value)
        }
        if others > 0 { metadata["other_requests"] = .integer(others) }
    }
}
