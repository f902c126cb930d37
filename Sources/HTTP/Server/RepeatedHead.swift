import Glibc

/// The last head of a connection, as it stood on the wire and as it was admitted.
///
/// A client sends the same head with each of its calls, but for the length of the content. What an admitted head means
/// follows from its bytes alone, so the same bytes are neither parsed nor judged a second time. Everything that can change
/// between two requests (a token's time, a grant, a session) is asked by the handlers, as ever.
struct RepeatedHead {
    /// The whole head, its empty line included; empty while none is remembered.
    private var wire: [UInt8] = []
    /// The digits of `Content-Length` in ``wire``, which alone may differ; empty where nothing may.
    private var digits = 0..<0
    private var admitted: AdmittedHead?

    /// Remembers the head that stood in `wire`; one whose content the parser has to frame is not remembered.
    mutating func keep(_ head: AdmittedHead, wire: ArraySlice<UInt8>) {
        guard head.framing != .chunked, !head.expectsContinue else { return forget() }
        self.wire = Array(wire)
        digits = Self.contentLength(in: self.wire, of: head)
        admitted = head
    }

    /// Remembers nothing any more: for a connection that rests, or carries a stream.
    mutating func forget() {
        wire = []
        digits = 0..<0
        admitted = nil
    }

    /// The head that `input` begins with, if it is this one again, and how many bytes it takes.
    func match(_ input: ArraySlice<UInt8>) -> (head: AdmittedHead, count: Int)? {
        guard let admitted, input.count >= wire.count else { return nil }
        if same(input, 0..<wire.count) { return (admitted, wire.count) }
        return match(input, but: admitted).map { ($0, wire.count) }
    }

    /// The same head with another length of as many digits.
    private func match(_ input: ArraySlice<UInt8>, but admitted: AdmittedHead) -> AdmittedHead? {
        guard !digits.isEmpty else { return nil }
        let start = input.startIndex
        let received = input[(start + digits.lowerBound)..<(start + digits.upperBound)]
        guard same(input, 0..<digits.lowerBound), same(input, digits.upperBound..<wire.count),
            received.first != UInt8(ascii: "0"), let length = ByteClass.decimal(received)
        else { return nil }
        var fields = admitted.fields
        fields.replaceValue(of: "content-length", with: received)
        return admitted.with(fields, .length(length))
    }

    /// Whether `input`, which is long enough, has the bytes of this part of ``wire``.
    private func same(_ input: ArraySlice<UInt8>, _ part: Range<Int>) -> Bool {
        unsafe input.withUnsafeBytes { input in
            unsafe wire.withUnsafeBytes { wire in
                guard let input = input.baseAddress, let wire = wire.baseAddress else { return false }
                return unsafe memcmp(wire + part.lowerBound, input + part.lowerBound, part.count) == 0
            }
        }
    }

    /// Where the length that `head` announces is written: in the one line that says it. None for a length of so many digits
    /// that another one could be too large.
    private static func contentLength(in wire: [UInt8], of head: AdmittedHead) -> Range<Int> {
        guard case .length(let length) = head.framing, length < 1_000_000_000_000 else { return 0..<0 }
        let name = Array("content-length:".utf8)
        var line = 0
        while let end = wire[line...].firstIndex(of: UInt8(ascii: "\n")) {
            if ByteClass.equalIgnoringCase(wire[line..<end].prefix(name.count), name) {
                let first = wire[line..<end].firstIndex(where: ByteClass.isDigit) ?? end
                let last = wire[first..<end].firstIndex { !ByteClass.isDigit($0) } ?? end
                return wire[first..<last].elementsEqual(String(length).utf8) ? first..<last : 0..<0
            }
            line = end + 1
        }
        return 0..<0
    }
}
