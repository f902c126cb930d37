import JSON

/// The revisions of MCP.
package enum ProtocolVersion: String, Sendable, Hashable, CaseIterable, Comparable {
    case november2024 = "2024-11-05"
    case march2025 = "2025-03-26"
    case june2025 = "2025-06-18"
    case november2025 = "2025-11-25"
    case july2026 = "2026-07-28"

    /// The revision with this name, which must be exact.
    package init?(bytes: some Sequence<UInt8>) {
        guard let version = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(bytes) }) else { return nil }
        self = version
    }

    package static func < (left: Self, right: Self) -> Bool {
        left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
    }

    /// Whether it is negotiated by `initialize` (legacy) or claimed by every request (modern).
    package var era: Era { self == .july2026 ? .modern : .legacy }

    /// Whether a POST may hold an array of messages (c56).
    package var allowsBatches: Bool { self == .march2025 }

    /// Whether clients understand an event with an id and no data (c54): older parsers choke on it.
    package var allowsPrimingEvents: Bool { self >= .november2025 }

    /// What this gateway agrees on in `initialize`, oldest first.
    package static let served: [ProtocolVersion] = [.march2025, .june2025, .november2025]
    /// What a request may claim, newest first (c15, c24).
    package static let modern: [ProtocolVersion] = [.july2026]
}

/// The two ways in which MCP is spoken.
package enum Era: Sendable, Hashable {
    /// Up to 2025-11-25: a handshake and a session.
    case legacy
    /// From 2026-07-28: every request stands for itself.
    case modern

    /// The member of `_meta` by which a request claims a revision.
    package static let claimKey: StaticString = "io.modelcontextprotocol/protocolVersion"
}

/// What a request says about its revision, from its header and its body.
package enum VersionClaim: Sendable, Hashable {
    /// Legacy or nothing: the session knows.
    case legacy(ProtocolVersion?)
    /// The modern era, or a revision that nobody knows, under this name.
    case modern(String)

    /// The body wins: only modern requests carry a revision in `_meta`.
    package init(header: ArraySlice<UInt8>?, message: JSONRPCMessage?) {
        if let claim = message?.params?["_meta"]?[Era.claimKey] {
            self = .modern(claim.string ?? String(decoding: claim.bytes, as: UTF8.self))
            return
        }
        guard let header else {
            self = .legacy(nil)
            return
        }
        if let version = ProtocolVersion(bytes: header), version.era == .legacy {
            self = .legacy(version)
        } else {
            self = .modern(String(decoding: header, as: UTF8.self))
        }
    }

    package var era: Era {
        if case .modern = self { .modern } else { .legacy }
    }
}

extension JSONRPCError {
    /// What a request of a revision that is not served gets (c15).
    package static func unsupportedVersion(_ requested: String) -> JSONRPCError {
        JSONRPCError(
            .unsupportedProtocolVersion, "Unsupported protocol version",
            data: [
                "supported": .array(ProtocolVersion.modern.map { .string($0.rawValue) }),
                "requested": .string(String(requested.prefix(64))),
            ])
    }
}
