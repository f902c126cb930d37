/// Names as they stand in certificates.
enum DNSName {
    /// Whether `name` is of letters, digits, `-` and `.` alone, and not longer than a name can be.
    static func isPlain(_ name: String) -> Bool {
        (1...253).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            }
    }
}
