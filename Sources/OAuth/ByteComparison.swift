extension String {
    /// Whether both are the same bytes: identifiers are never compared as text. Not for secrets.
    func hasBytes(of other: String) -> Bool { Self.same(utf8.span, other.utf8.span) }

    /// The same for what is at hand as bytes.
    package func hasBytes(of other: [UInt8]) -> Bool { Self.same(utf8.span, other.span) }

    private static func same(_ mine: Span<UInt8>, _ others: Span<UInt8>) -> Bool {
        guard mine.count == others.count else { return false }
        // Without a way out of the loop the compiler looks at many bytes at a time.
        var difference: UInt8 = 0
        for position in mine.indices { difference |= mine[position] ^ others[position] }
        return difference == 0
    }
}
