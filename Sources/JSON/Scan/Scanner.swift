/// One pass over a text: checks it against RFC 8259 and the limits and fills the tape. Iterative, so that nesting
/// costs heap and never stack.
struct Scanner {
    private let limits: JSONLimits
    private var tape: [TapeEntry] = []
    private var open: [Int] = []
    private var position = 0

    init(limits: JSONLimits) {
        self.limits = limits
    }

    /// Scans the whole text. Throws at the first offending byte.
    static func scan(_ bytes: borrowing [UInt8], limits: JSONLimits) throws(JSONSyntaxError) -> [TapeEntry] {
        guard bytes.count <= limits.maximumBytes else {
            throw JSONSyntaxError(code: .size, offset: limits.maximumBytes)
        }
        var scanner = Scanner(limits: limits)
        scanner.tape.reserveCapacity(24 &+ bytes.count / 16)
        scanner.open.reserveCapacity(8)
        try scanner.run(bytes.span)
        return scanner.tape
    }

    private mutating func run(_ text: Span<UInt8>) throws(JSONSyntaxError) {
        skipSpace(text)
        try value(text)
        while let container = open.last {
            skipSpace(text)
            if tape[container].kind == .object {
                try continueObject(container, text)
            } else {
                try continueArray(container, text)
            }
        }
        skipSpace(text)
        if position < text.count { throw failure(.trailingData) }
    }

    // MARK: Containers

    private mutating func continueObject(_ container: Int, _ text: Span<UInt8>) throws(JSONSyntaxError) {
        if try peek(text) == UInt8(ascii: "}") {
            try close(container, text)
            return
        }
        if tape[container].count > 0 {
            try take(UInt8(ascii: ","), text)
            skipSpace(text)
        }
        guard try peek(text) == UInt8(ascii: "\"") else { throw failure(.syntax) }
        try string(text)
        skipSpace(text)
        try take(UInt8(ascii: ":"), text)
        skipSpace(text)
        tape[container].count &+= 1
        try value(text)
    }

    private mutating func continueArray(_ container: Int, _ text: Span<UInt8>) throws(JSONSyntaxError) {
        if try peek(text) == UInt8(ascii: "]") {
            try close(container, text)
            return
        }
        if tape[container].count > 0 {
            try take(UInt8(ascii: ","), text)
            skipSpace(text)
        }
        tape[container].count &+= 1
        try value(text)
    }

    private mutating func enter(_ kind: TapeEntry.Kind) throws(JSONSyntaxError) {
        guard open.count < limits.maximumDepth else { throw failure(.depth) }
        open.append(tape.count)
        try append(kind, from: position, to: position)
        position &+= 1
    }

    private mutating func close(_ container: Int, _ text: Span<UInt8>) throws(JSONSyntaxError) {
        position &+= 1
        tape[container].end = UInt32(truncatingIfNeeded: position)
        tape[container].next = UInt32(truncatingIfNeeded: tape.count)
        open.removeLast()
        if tape[container].kind == .object, tape[container].count > 1 {
            if let duplicate = DuplicateKeys.first(in: container, tape: tape, text: text) {
                throw JSONSyntaxError(code: .duplicateKey, offset: duplicate)
            }
        }
    }

    // MARK: Values

    private mutating func value(_ text: Span<UInt8>) throws(JSONSyntaxError) {
        switch try peek(text) {
        case UInt8(ascii: "{"): try enter(.object)
        case UInt8(ascii: "["): try enter(.array)
        case UInt8(ascii: "\""): try string(text)
        case UInt8(ascii: "t"): try literal("true", .true, text)
        case UInt8(ascii: "f"): try literal("false", .false, text)
        case UInt8(ascii: "n"): try literal("null", .null, text)
        default: try number(text)
        }
    }

    private mutating func literal(
        _ word: StaticString, _ kind: TapeEntry.Kind, _ text: Span<UInt8>
    ) throws(JSONSyntaxError) {
        let start = position
        for offset in 0..<word.utf8CodeUnitCount {
            guard position < text.count else { throw failure(.unexpectedEnd) }
            let expected = unsafe word.utf8Start[offset]
            guard text[position] == expected else { throw failure(.syntax) }
            position &+= 1
        }
        try append(kind, from: start, to: position)
    }

    private mutating func number(_ text: Span<UInt8>) throws(JSONSyntaxError) {
        let start = position
        var kind = TapeEntry.Kind.integer
        if text[position] == UInt8(ascii: "-") { position &+= 1 }
        let first = try peek(text)
        guard isDigit(first) else { throw failure(.syntax) }
        if first == UInt8(ascii: "0") { position &+= 1 } else { digits(text) }
        if position < text.count, text[position] == UInt8(ascii: ".") {
            kind = .number
            position &+= 1
            guard isDigit(try peek(text)) else { throw failure(.syntax) }
            digits(text)
        }
        if position < text.count, text[position] | 0x20 == UInt8(ascii: "e") {
            kind = .number
            position &+= 1
            let sign = try peek(text)
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position &+= 1 }
            guard isDigit(try peek(text)) else { throw failure(.syntax) }
            digits(text)
        }
        try append(kind, from: start, to: position)
    }

    private mutating func digits(_ text: Span<UInt8>) {
        while position < text.count, isDigit(text[position]) { position &+= 1 }
    }

    private mutating func string(_ text: Span<UInt8>) throws(JSONSyntaxError) {
        let start = position
        var escaped = false
        position &+= 1
        while position < text.count {
            skipPlain(text)
            guard position < text.count else { break }
            let byte = text[position]
            switch byte {
            case UInt8(ascii: "\""):
                position &+= 1
                try append(escaped ? .escapedString : .string, from: start, to: position)
                return
            case UInt8(ascii: "\\"):
                escaped = true
                try escape(text)
            case 0x80...:
                let length = UTF8Rules.sequenceLength(at: position, in: text)
                guard length > 0 else { throw failure(.invalidUTF8) }
                position &+= length
            default: throw failure(.syntax)
            }
        }
        throw failure(.unexpectedEnd)
    }

    /// Passes over characters that need no thought: printable ASCII but quote and backslash, eight at a time.
    private mutating func skipPlain(_ text: Span<UInt8>) {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        var index = position
        let bytes = unsafe text.bytes
        while index &+ 8 <= text.count {
            // In bounds by the condition of the loop.
            let word = unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quotes = word ^ (ones &* 0x22)
            let backslashes = word ^ (ones &* 0x5C)
            // The top bit of a byte is set where it is below 0x20, a quote, a backslash or above 0x7F. A borrow may
            // set further ones above the first hit, never below: only the first counts.
            let hits =
                ((word &- ones &* 0x20) | (quotes &- ones) | (backslashes &- ones) | word) & tops
            if hits != 0 {
                index &+= hits.trailingZeroBitCount / 8
                break
            }
            index &+= 8
        }
        while index < text.count {
            let byte = text[index]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { break }
            index &+= 1
        }
        position = index
    }

    private mutating func escape(_ text: Span<UInt8>) throws(JSONSyntaxError) {
        guard position &+ 1 < text.count else { throw failure(.unexpectedEnd) }
        switch text[position &+ 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position &+= 2
        case UInt8(ascii: "u"):
            guard let unit = StringDecoding.unit(at: position &+ 2, in: text) else { throw failure(.invalidEscape) }
            // Half a surrogate pair is no character; two parsers would disagree about it (T07).
            if unit & 0xFC00 == 0xD800 {
                guard position &+ 7 < text.count, text[position &+ 6] == UInt8(ascii: "\\"),
                    text[position &+ 7] == UInt8(ascii: "u"),
                    let low = StringDecoding.unit(at: position &+ 8, in: text), low & 0xFC00 == 0xDC00
                else { throw failure(.invalidEscape) }
                position &+= 12
            } else if unit & 0xFC00 == 0xDC00 {
                throw failure(.invalidEscape)
            } else {
                position &+= 6
            }
        default: throw failure(.invalidEscape)
        }
    }

    // MARK: Small steps

    private mutating func append(
        _ kind: TapeEntry.Kind, from start: Int, to end: Int
    ) throws(JSONSyntaxError) {
        guard tape.count < limits.maximumValues else { throw JSONSyntaxError(code: .tooManyValues, offset: start) }
        tape.append(
            TapeEntry(
                start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: end),
                next: UInt32(truncatingIfNeeded: tape.count &+ 1), count: 0, kind: kind))
    }

    private mutating func skipSpace(_ text: Span<UInt8>) {
        while position < text.count {
            switch text[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position &+= 1
            default: return
            }
        }
    }

    private func peek(_ text: Span<UInt8>) throws(JSONSyntaxError) -> UInt8 {
        guard position < text.count else { throw failure(.unexpectedEnd) }
        return text[position]
    }

    private mutating func take(_ byte: UInt8, _ text: Span<UInt8>) throws(JSONSyntaxError) {
        guard try peek(text) == byte else { throw failure(.syntax) }
        position &+= 1
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    private func failure(_ code: JSONSyntaxError.Code) -> JSONSyntaxError {
        JSONSyntaxError(code: code, offset: position)
    }
}
