package import AsyncIO

/// Where our own requests may go, and how much of an answer is taken (A15, I07).
///
/// A policy belongs to a client and its connections: no connection that one policy allowed serves another.
package struct EgressPolicy: Sendable {
    /// Which addresses may be connected to. Asked with the address that is about to be used, after resolution, so a
    /// name that changes its mind gains nothing.
    package enum Addresses: Sendable {
        /// Global unicast only, nothing of the IANA special-purpose registries: for addresses that a peer named.
        case publicOnly
        /// The same, and these blocks: for peers that the operator has inside.
        case publicOr([CIDR])
        /// Any: for addresses that the operator named.
        case any
    }

    package var addresses: Addresses
    /// Whether plain http is allowed.
    package var allowsPlainHTTP: Bool
    /// Longest body; more ends the transfer with `tooLarge`. Nil for streams without end.
    package var maximumBodyBytes: Int?
    /// For resolution, TCP and TLS together.
    package var connectTimeout: Duration
    /// For the whole exchange; nil for streams without end.
    package var totalTimeout: Duration?
    /// PEM file of certificate authorities to trust instead of the system's.
    package var certificateAuthorities: String?
    /// Whether HTTP/2 may be spoken. Not for streams whose reader may be slow: over HTTP/2 libcurl takes up to 32 MiB of each
    /// before the peer has to wait.
    package var allowsHTTP2 = true

    package init(
        addresses: Addresses, allowsPlainHTTP: Bool, maximumBodyBytes: Int? = 1 << 20,
        connectTimeout: Duration = .seconds(3), totalTimeout: Duration? = .seconds(10),
        certificateAuthorities: String? = nil
    ) {
        self.addresses = addresses
        self.allowsPlainHTTP = allowsPlainHTTP
        self.maximumBodyBytes = maximumBodyBytes
        self.connectTimeout = connectTimeout
        self.totalTimeout = totalTimeout
        self.certificateAuthorities = certificateAuthorities
    }

    /// For what a peer names: https to public addresses, 1 MiB, 10 s.
    package static let publicOnly = EgressPolicy(addresses: .publicOnly, allowsPlainHTTP: false)

    /// For what the operator names: any address, http too, 1 MiB, 10 s.
    package static let configured = EgressPolicy(addresses: .any, allowsPlainHTTP: true)

    /// Whether `address` may be connected to.
    package func permits(_ address: IPAddress) -> Bool {
        switch addresses {
        case .any: true
        case .publicOnly: !SpecialPurposeAddresses.contains(address)
        case .publicOr(let blocks):
            !SpecialPurposeAddresses.contains(address) || blocks.contains { $0.contains(address.unmapped) }
        }
    }
}
