package import AsyncIO

/// The peers whose `X-Forwarded-*` count, by their addresses (R07). By default none are.
///
/// Nothing else in this program reads those fields: what a stranger writes into them has no effect.
package struct TrustedProxies: Sendable, Equatable {
    private let blocks: [CIDR]

    /// Trusts these blocks.
    package init(_ blocks: [CIDR] = []) {
        self.blocks = blocks
    }

    /// Whether nobody is trusted.
    package var isEmpty: Bool { blocks.isEmpty }

    /// Whether this peer is one of them. A unix socket has no address to go by.
    package func contains(_ peer: SocketAddress) -> Bool {
        guard let address = peer.ipAddress else { return false }
        return contains(address)
    }

    private func contains(_ address: IPAddress) -> Bool {
        blocks.contains { $0.contains(address) }
    }

    /// The request with what a trusted proxy says about it: `forwarded`, and as `remoteAddress` the client that asked the
    /// proxy. The request of anybody else comes back as it was.
    package func read(_ request: HTTPRequest) -> HTTPRequest {
        guard contains(request.remoteAddress) else { return request }
        var request = request
        request.forwarded = ForwardedRequest(request.fields, peer: request.remoteAddress)
        if let client = client(request.fields.list("x-forwarded-for")) { request.remoteAddress = client }
        return request
    }

    // Each proxy adds the address it saw at the end: what stands before the first one that is not ours may be invented.
    private func client(_ hops: [String]) -> SocketAddress? {
        var found: IPAddress?
        for hop in hops.reversed() {
            guard let address = Self.address(hop) else { break }
            found = address.unmapped
            if !contains(address) { break }
        }
        return found.map { .ip($0, port: 0) }
    }

    // Some proxies add a port, and brackets for IPv6.
    private static func address(_ text: String) -> IPAddress? {
        if let address = IPAddress(text) { return address }
        if text.hasPrefix("["), text.hasSuffix("]") { return IPAddress(text.dropFirst().dropLast()) }
        // What is neither is no address, whatever the reason.
        return (try? SocketAddress(parsing: text))?.ipAddress
    }
}
