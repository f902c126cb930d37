/// What may stand beside a message. There is no way to make one from a `Secret`: a leak does not compile.
package enum LogValue: Sendable, Hashable {
    case string(String)
    case integer(Int)
    case double(Double)
    case boolean(Bool)
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .boolean(value) }
    package init(floatLiteral value: Double) { self = .double(value) }
}

/// Named values of a log line, in the order given.
package struct LogMetadata: Sendable, ExpressibleByDictionaryLiteral {
    package private(set) var entries: [(key: String, value: LogValue)]

    package init(dictionaryLiteral elements: (String, LogValue)...) {
        entries = elements.map { (key: $0.0, value: $0.1) }
    }

    /// Appends all of `other`; a key that stands already keeps its place and takes the new value.
    package mutating func merge(_ other: LogMetadata) {
        for (key, value) in other.entries { self[key] = value }
    }

    /// The value of a key.
    package subscript(key: String) -> LogValue? {
        get { entries.first { $0.key == key }?.value }
        set {
            let position = entries.firstIndex { $0.key == key }
            switch (position, newValue) {
            case (let position?, let value?): entries[position].value = value
            case (let position?, nil): entries.remove(at: position)
            case (nil, let value?): entries.append((key: key, value: value))
            case (nil, nil): break
            }
        }
    }
}
