/// A block of addresses, `10.0.0.0/8` or `fc00::/7`. A bare address is the block of that one address.
package struct CIDR: Hashable, Sendable {
    package let network: IPAddress
    package let prefixLength: Int

    /// Nil when the text is no block, or when bits beyond the prefix are set (`10.0.0.1/8` is more likely a mistake
    /// than a wish).
    package init?(_ text: String) {
        let parts = Array(text.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let address = IPAddress(bytes: Array(first)) else {
            return nil
        }
        var length = address.bitWidth
        if parts.count == 2 {
            guard let parsed = IPAddress.parseDecimal(parts[1], maximum: address.bitWidth) else { return nil }
            length = parsed
        }
        self.init(network: address, prefixLength: length)
    }

    package init?(network: IPAddress, prefixLength: Int) {
        guard (0...network.bitWidth).contains(prefixLength),
            Self.masked(network, prefixLength) == network
        else { return nil }
        self.network = network
        self.prefixLength = prefixLength
    }

    /// Whether `address` lies in the block. An IPv4-mapped IPv6 address counts as its IPv4 address.
    package func contains(_ address: IPAddress) -> Bool {
        if network.bitWidth == address.bitWidth { return Self.masked(address, prefixLength) == network }
        return Self.masked(address.unmapped, prefixLength) == network
    }

    private static func masked(_ address: IPAddress, _ length: Int) -> IPAddress {
        switch address {
        case .v4(let value):
            return .v4(length <= 0 ? 0 : value & (length >= 32 ? .max : ~(UInt32.max >> UInt32(length))))
        case .v6(let high, let low):
            return .v6(high: mask(high, length), low: mask(low, length - 64))
        }
    }

    private static func mask(_ half: UInt64, _ length: Int) -> UInt64 {
        if length <= 0 { return 0 }
        return length >= 64 ? half : half & ~(UInt64.max >> UInt64(length))
    }
}

extension CIDR: CustomStringConvertible {
    package var description: String { "\(network)/\(prefixLength)" }
}
