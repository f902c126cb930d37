/// W3C Trace Context: which trace a request belongs to. Of later versions what version 00 knows is read; what we say is of 00.
package struct TraceContext: Sendable, Hashable {
    /// 32 lower-case hexadecimal digits, not all zero.
    package let traceID: String
    /// 16 lower-case hexadecimal digits, not all zero.
    package let parentID: String
    package let isSampled: Bool

    /// Reads a `traceparent` value; nil where it is malformed, and the trace then starts anew.
    package init?(traceparent: String) {
        // Behind the 55 bytes of version 00 the next one alone is looked at.
        let bytes = Array(traceparent.utf8.prefix(56))
        let isHexadecimal = { (byte: UInt8) in (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) }
        guard bytes.count >= 55, bytes[2] == 0x2D, bytes[35] == 0x2D, bytes[52] == 0x2D,
            Self.isVersion(bytes[..<2], goesOnWith: bytes.count > 55 ? bytes[55] : nil),
            bytes[..<2].allSatisfy(isHexadecimal), bytes[3..<35].allSatisfy(isHexadecimal),
            bytes[36..<52].allSatisfy(isHexadecimal), bytes[53..<55].allSatisfy(isHexadecimal),
            !bytes[3..<35].allSatisfy({ $0 == 0x30 }),
            !bytes[36..<52].allSatisfy({ $0 == 0x30 })
        else { return nil }
        traceID = String(decoding: bytes[3..<35], as: UTF8.self)
        parentID = String(decoding: bytes[36..<52], as: UTF8.self)
        // The last bit of the digit; letters begin with an even one at an odd place.
        isSampled = (bytes[54] > 0x39 ? bytes[54] + 1 : bytes[54]) & 1 == 1
    }

    /// Whether a value of this version may go on with `next` behind what version 00 knows (§4.3): ff is no version, 00 ends there,
    /// and a later one ends there or says more behind a dash.
    private static func isVersion(_ version: ArraySlice<UInt8>, goesOnWith next: UInt8?) -> Bool {
        if version.elementsEqual("00".utf8) { return next == nil }
        return !version.elementsEqual("ff".utf8) && (next ?? 0x2D) == 0x2D
    }

    /// Of a span of ours; the ids are as wide as they must be, and not all zero.
    init(traceID: String, spanID: String, isSampled: Bool) {
        self.traceID = traceID
        parentID = spanID
        self.isSampled = isSampled
    }

    /// The header's value.
    package var traceparent: String { "00-\(traceID)-\(parentID)-\(isSampled ? "01" : "00")" }
}
