package import AsyncIO

/// The IANA special-purpose address registries (RFC 6890 and what was registered since), and the forms of IPv6 that
/// carry an IPv4 address inside, through which a blocked address could be reached by another name (A15).
package enum SpecialPurposeAddresses {
    private static let v4 = blocks([
        "0.0.0.0/8",  // RFC 791: this network
        "10.0.0.0/8",  // RFC 1918
        "100.64.0.0/10",  // RFC 6598: shared address space
        "127.0.0.0/8",  // RFC 1122: loopback
        "169.254.0.0/16",  // RFC 3927: link local, cloud metadata
        "172.16.0.0/12",  // RFC 1918
        "192.0.0.0/24",  // RFC 6890: protocol assignments
        "192.0.2.0/24",  // RFC 5737: documentation
        "192.31.196.0/24",  // RFC 7535: AS112
        "192.52.193.0/24",  // RFC 7450: AMT
        "192.88.99.0/24",  // RFC 7526: former 6to4 relays
        "192.168.0.0/16",  // RFC 1918
        "192.175.48.0/24",  // RFC 7534: AS112
        "198.18.0.0/15",  // RFC 2544: benchmarking
        "198.51.100.0/24",  // RFC 5737: documentation
        "203.0.113.0/24",  // RFC 5737: documentation
        "224.0.0.0/4",  // RFC 5771: multicast
        "240.0.0.0/4",  // RFC 1112: reserved, limited broadcast
    ])

    /// Inside 2000::/3; everything outside it is special anyway.
    private static let v6 = blocks([
        "2001::/23",  // RFC 2928: protocol assignments, Teredo (2001::/32), ORCHID, benchmarking
        "2001:db8::/32",  // RFC 3849: documentation
        "2002::/16",  // RFC 3056: 6to4 carries an IPv4 address
        "2620:4f:8000::/48",  // RFC 7534: AS112
        "3fff::/20",  // RFC 9637: documentation
    ])

    private static let globalUnicast = blocks(["2000::/3"])

    /// Whether `address` is anything but an ordinary public address.
    package static func contains(_ address: IPAddress) -> Bool {
        switch address.unmapped {
        case .v4: v4.contains { $0.contains(address.unmapped) }
        case .v6(_, let low):
            !globalUnicast.contains { $0.contains(address) } || v6.contains { $0.contains(address) }
                || isISATAP(low)
        }
    }

    // RFC 5214 §6.1: the interface identifier ::[02]00:5efe:a.b.c.d tunnels to that IPv4 address.
    private static func isISATAP(_ low: UInt64) -> Bool {
        let marker = UInt32(truncatingIfNeeded: low >> 32)
        return marker == 0x0000_5EFE || marker == 0x0200_5EFE
    }

    private static func blocks(_ texts: [String]) -> [CIDR] { texts.compactMap { CIDR($0) } }
}
