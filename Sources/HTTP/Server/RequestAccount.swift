package import Telemetry

/// What whoever answers a request tells the access log about it.
///
/// One for each connection, which answers one request at a time; confined to the connection's loop.
// SAFETY: made with a connection, filled by its handler on the connection's loop, read by the connection there.
package final class RequestAccount: @unchecked Sendable {
    /// Longest name of a request that is taken over from a proxy.
    private static let longestProxyID = 64

    /// Whether anybody reads it.
    private(set) var isKept = false
    /// The client behind a trusted proxy.
    private(set) var remoteAddress: String?
    /// What is known of the request.
    package var details = AccessRecord.Details()

    init() {}

    /// Begins anew, for the next request.
    func begin(isKept: Bool) {
        if self.isKept {
            details = AccessRecord.Details()
            remoteAddress = nil
        }
        self.isKept = isKept
    }

    /// Notes what a trusted proxy says of the request: who sent it, and what it is called there. That name stands beside ours
    /// and never in its place: clients may have chosen it, and two requests may have the same.
    func passedOn(_ request: HTTPRequest) {
        remoteAddress = request.remoteAddressText
        guard request.fields.count(of: "x-request-id") == 1, let name = request.fields.bytes("x-request-id"),
            (1...Self.longestProxyID).contains(name.count), name.allSatisfy(Self.isPlain)
        else { return }
        details.proxyID = String(decoding: name, as: UTF8.self)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "/"),
            UInt8(ascii: "+"), UInt8(ascii: "="):
            true
        default: false
        }
    }
}
