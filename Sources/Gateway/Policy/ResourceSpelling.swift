/// Other ways to write one URI: what a rule says about one spelling must not be got around by another that the server takes for
/// the same (R06).
enum ResourceSpelling {
    /// `uri` as a generous server reads it: escapes of plain characters undone, dot segments removed, the scheme in lower case,
    /// `\` as `/`; nil where that is how it is written.
    static func plain(_ uri: [UInt8]) -> [UInt8]? {
        guard
            uri.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "\\") })
                || hasUpperScheme(uri)
        else { return nil }
        var text = lowerScheme(unescaped(uri))
        if let start = pathStart(text) {
            let end = text[start...].firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? text.endIndex
            text.replaceSubrange(start..<end, with: withoutDots(text[start..<end]))
        }
        return text == uri ? nil : text
    }

    private static func unescaped(_ uri: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        var place = 0
        while place < uri.count {
            if uri[place] == UInt8(ascii: "%"), place + 2 < uri.count, let high = digit(uri[place + 1]),
                let low = digit(uri[place + 2])
            {
                text.append(high << 4 | low)
                place += 3
            } else {
                text.append(uri[place])
                place += 1
            }
        }
        return text.map { $0 == UInt8(ascii: "\\") ? UInt8(ascii: "/") : $0 }
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func isUpper(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }

    private static func hasUpperScheme(_ uri: [UInt8]) -> Bool {
        uri.prefix { $0 != UInt8(ascii: ":") }.contains(where: isUpper)
    }

    private static func lowerScheme(_ uri: [UInt8]) -> [UInt8] {
        guard let colon = uri.firstIndex(of: UInt8(ascii: ":")) else { return uri }
        return uri[..<colon].map { isUpper($0) ? $0 | 0x20 : $0 } + uri[colon...]
    }

    /// Behind the scheme and, where there is one, the authority.
    private static func pathStart(_ uri: [UInt8]) -> Int? {
        guard let colon = uri.firstIndex(of: UInt8(ascii: ":")) else { return 0 }
        guard uri[(colon + 1)...].starts(with: "//".utf8) else { return colon + 1 }
        return uri[(colon + 3)...].firstIndex(of: UInt8(ascii: "/"))
    }

    private static func withoutDots(_ path: ArraySlice<UInt8>) -> [UInt8] {
        var kept: [ArraySlice<UInt8>] = []
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (place, segment) in segments.enumerated() {
            let isLast = place == segments.count - 1
            if segment.elementsEqual(".".utf8) {
                if isLast { kept.append([]) }
            } else if segment.elementsEqual("..".utf8) {
                // What stands before the slash of an absolute path stays.
                if kept.count > 1 || kept.first?.isEmpty == false { kept.removeLast() }
                if isLast { kept.append([]) }
            } else {
                kept.append(segment)
            }
        }
        return Array(kept.joined(separator: [UInt8(ascii: "/")]))
    }
}
