/// A field name together with every spelling that some server reads as the same: CGI, WSGI and PHP turn `-` and `.` into
/// `_`, so that `X_User_Id` arrives there as `X-User-Id` (R07, CVE-2025-64484).
package struct FieldNameSpelling: Sendable, Hashable {
    private let folded: [UInt8]

    /// The spellings of this name.
    package init(_ name: StaticString) {
        folded = name.withUTF8Buffer { unsafe $0.map(Self.fold) }
    }

    private static func fold(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "_"), UInt8(ascii: "."): UInt8(ascii: "-")
        default: ByteClass.lowercased(byte)
        }
    }

    fileprivate func matches(_ name: ArraySlice<UInt8>) -> Bool {
        guard name.count == folded.count else { return false }
        return zip(name, folded).allSatisfy { Self.fold($0) == $1 }
    }
}

extension HTTPFields {
    /// Whether a field has a name that reads like `spelling`. With `exceptExact`, the name itself, in whatever case, does
    /// not count.
    package func contains(_ spelling: FieldNameSpelling, exceptExact: Bool = false) -> Bool {
        entries.contains { entry in
            let name = text[entry.nameRange]
            guard spelling.matches(name) else { return false }
            return !exceptExact || name.contains { $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") }
        }
    }

    /// Removes every field whose name reads like `spelling`.
    package mutating func removeAll(_ spelling: FieldNameSpelling) {
        let text = text
        removeEntries { spelling.matches(text[$0.nameRange]) }
    }
}
