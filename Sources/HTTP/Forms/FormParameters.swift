/// Why a form or query could not be read.
package enum FormError: Error, Hashable, Sendable {
    /// A `%` without two hexadecimal digits, or a byte that must be encoded.
    case syntax
    /// A name or value is not UTF-8 after decoding.
    case invalidUTF8
    /// More bytes than allowed.
    case tooLarge
    /// More parameters than allowed.
    case tooMany
    /// The parameter, which may come once only, comes again.
    case duplicate(String)
}

/// Bounds of a form.
package struct FormLimits: Sendable {
    /// Bytes before decoding.
    package var maximumBytes = 65_536
    /// Parameters, repeated ones counted.
    package var maximumParameters = 128

    /// What our own endpoints allow.
    package static let standard = FormLimits()
}

/// Parameters in `application/x-www-form-urlencoded`: a query or a posted form.
///
/// Every parameter is kept, repeated ones too, in order. Names are compared byte by byte.
package struct FormParameters: Sendable {
    /// One parameter, decoded.
    package struct Parameter: Sendable {
        /// The decoded name.
        package let name: String
        /// The decoded value; empty when there is none.
        package let value: String
    }

    /// All parameters in order.
    package let all: [Parameter]

    /// Reads the whole text; an empty one has no parameters.
    package init(parsing bytes: [UInt8], limits: FormLimits = .standard) throws(FormError) {
        if bytes.count > limits.maximumBytes { throw .tooLarge }
        var all: [Parameter] = []
        for part in bytes.split(separator: UInt8(ascii: "&")) {
            if all.count == limits.maximumParameters { throw .tooMany }
            let end = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            let name = try Self.decode(part[..<end])
            let value = try Self.decode(end == part.endIndex ? [] : part[(end + 1)...])
            all.append(Parameter(name: name, value: value))
        }
        self.all = all
    }

    /// All values of a parameter, in order.
    package func values(_ name: String) -> [String] {
        all.filter { $0.name.utf8.elementsEqual(name.utf8) }.map(\.value)
    }

    /// The value of a parameter that may come once; nil when it is absent.
    package func unique(_ name: String) throws(FormError) -> String? {
        let found = values(name)
        if found.count > 1 { throw .duplicate(name) }
        return found.first
    }

    /// The names in order, repeated ones repeatedly.
    package var names: [String] { all.map(\.name) }

    /// The parameters as text.
    package static func encoded(_ pairs: [(String, String)]) -> String {
        pairs.map { "\(PercentEncoding.encoded($0))=\(PercentEncoding.encoded($1))" }.joined(separator: "&")
    }

    private static func decode(_ part: ArraySlice<UInt8>) throws(FormError) -> String {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(part.count)
        var index = part.startIndex
        while index < part.endIndex {
            let byte = part[index]
            switch byte {
            case UInt8(ascii: "+"): decoded.append(32)
            case UInt8(ascii: "%"):
                guard part.endIndex - index >= 3, let high = ByteClass.hexValue(part[index + 1]),
                    let low = ByteClass.hexValue(part[index + 2])
                else { throw .syntax }
                decoded.append(high << 4 | low)
                index += 2
            case 0...32, 127: throw .syntax
            default: decoded.append(byte)
            }
            index += 1
        }
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .invalidUTF8 }
        return text
    }
}
