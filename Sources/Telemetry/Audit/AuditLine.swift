import JSON

extension AuditEvent {
    /// One JSON object and a line end; foreign text is bounded and escaped as in the log (`O01`).
    package var line: [UInt8] {
        var text: [UInt8] = []
        append(to: &text, time: time.iso8601)
        return text
    }

    /// Appends ``line``. `time` is this event's, as text: whoever writes many events formats it once a millisecond.
    ///
    /// Member by member and not by way of a `JSONValue`: with an event for each call, that cost a tenth of the gateway.
    func append(to text: inout [UInt8], time: String) {
        JSONText.append("{\"time\":\"", to: &text)
        text.append(contentsOf: time.utf8)
        JSONText.append("\",\"action\":\"", to: &text)
        text.append(contentsOf: action.rawValue.utf8)
        JSONText.append("\",\"outcome\":\"", to: &text)
        text.append(contentsOf: outcome.rawValue.utf8)
        text.append(UInt8(ascii: "\""))
        text.append(contentsOf: subject.members)
        AuditLine.append(",\"tool\":", tool, to: &text)
        if let requestID {
            JSONText.append(",\"request_id\":\"", to: &text)
            requestID.append(to: &text)
            text.append(UInt8(ascii: "\""))
        }
        AuditLine.append(",\"remote_address\":", remoteAddress, to: &text)
        if duration != nil || !detail.isEmpty { appendDetail(to: &text) }
        JSONText.append("}\n", to: &text)
    }

    private func appendDetail(to text: inout [UInt8]) {
        JSONText.append(",\"detail\":{", to: &text)
        if let duration {
            JSONText.append("\"duration_ms\":\"", to: &text)
            AuditLine.append(milliseconds: duration, to: &text)
            text.append(UInt8(ascii: "\""))
        }
        for (position, (name, value)) in detail.enumerated() {
            if position > 0 || duration != nil { text.append(UInt8(ascii: ",")) }
            JSONText.appendQuoted(name, to: &text)
            text.append(UInt8(ascii: ":"))
            LogText.appendQuoted(value, limit: AuditLine.limit(of: name), to: &text)
        }
        text.append(UInt8(ascii: "}"))
    }
}

/// The parts of a line of the trail.
enum AuditLine {
    /// Arguments of a call are cut by whoever records them, at 4 KiB, and then say how long they were.
    static func limit(of detail: String) -> Int {
        detail == "arguments" ? 5 << 10 : LogText.limit
    }

    /// A member with a comma before it, where there is a value.
    static func append(_ name: StaticString, _ value: String?, to text: inout [UInt8]) {
        guard let value else { return }
        JSONText.append(name, to: &text)
        LogText.appendQuoted(value, to: &text)
    }

    /// With three decimals. Digit by digit: it is done for each call.
    static func append(milliseconds duration: Duration, to text: inout [UInt8]) {
        let (seconds, attoseconds) = duration.components
        var rest = max(0, seconds &* 1_000_000 &+ attoseconds / 1_000_000_000_000)
        var digits = InlineArray<24, UInt8>(repeating: 0x30)
        var start = digits.count
        while rest > 0 || start > digits.count - 5 {
            start -= 1
            if start == digits.count - 4 {
                digits[start] = UInt8(ascii: ".")
            } else {
                digits[start] = 0x30 + UInt8(rest % 10)
                rest /= 10
            }
        }
        for position in start..<digits.count { text.append(digits[position]) }
    }
}
