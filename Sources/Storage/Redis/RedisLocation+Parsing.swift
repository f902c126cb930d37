import Crypto

extension RedisLocation {
    /// A text that names no shared store. Says what is wrong without repeating it: there may be a password in it.
    package struct ParseError: Error, Hashable {
        /// What is wrong.
        package let problem: String
        /// What to write instead.
        package let hint: String
    }

    /// The beginnings of a text that is meant to be one.
    package static let schemes = ["redis://", "rediss://", "redis+sentinel://", "rediss+sentinel://"]

    /// `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE][?OPTIONS]`, the same with `rediss` for TLS, or
    /// `redis+sentinel://[USER[:PASSWORD]@]HOST[:PORT][,HOST…]/SERVICE[/DATABASE][?OPTIONS]`. Options are `ca`, `prefix`,
    /// `replicas`, `sentinel_user` and `sentinel_password`. Everything may be percent-encoded.
    package init(parsing text: String) throws(ParseError) {
        guard let scheme = Self.schemes.first(where: text.hasPrefix), text.utf8.count <= 4096 else {
            throw ParseError(problem: "this is not the URL of a Redis server", hint: "like redis://localhost:6379")
        }
        var rest = Array(text.utf8.dropFirst(scheme.utf8.count))[...]
        let query = Self.cut(&rest, at: "?")
        let path = Self.cut(&rest, at: "/")
        endpoints = []
        isEncrypted = scheme.hasPrefix("rediss")
        let isSentinel = scheme.contains("sentinel")
        if let at = rest.lastIndex(of: UInt8(ascii: "@")) {
            try readAccount(rest[..<at])
            rest = rest[(at + 1)...]
        }
        for part in rest.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            endpoints.append(try Self.endpoint(part, defaultPort: isSentinel ? 26_379 : 6379))
        }
        guard isSentinel || endpoints.count == 1 else {
            throw ParseError(
                problem: "several servers are named, but no sentinel",
                hint: "one server, or redis+sentinel://HOST,HOST/SERVICE; Redis Cluster is not supported")
        }
        try readPath(path ?? [], isSentinel: isSentinel)
        try readOptions(query ?? [])
    }

    private mutating func readAccount(_ bytes: ArraySlice<UInt8>) throws(ParseError) {
        var name = bytes
        let secret = Self.cut(&name, at: ":")
        user = name.isEmpty ? nil : try Self.decoded(name)
        if let secret { password = Secret(Array(try Self.decoded(secret).utf8)) }
        guard user == nil || password != nil else {
            throw ParseError(problem: "there is a user without a password", hint: "redis://USER:PASSWORD@HOST")
        }
    }

    private mutating func readPath(_ path: ArraySlice<UInt8>, isSentinel: Bool) throws(ParseError) {
        var parts: [String] = []
        for part in path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) where !part.isEmpty {
            parts.append(try Self.decoded(part))
        }
        if isSentinel {
            guard !parts.isEmpty else {
                throw ParseError(
                    problem: "the name of the service is missing", hint: "redis+sentinel://HOST,HOST/mymaster")
            }
            sentinel = Sentinel(service: parts.removeFirst())
        }
        guard let number = parts.first else { return }
        guard parts.count == 1, let database = Self.number(number), database < 1_000_000 else {
            throw ParseError(problem: "the path does not name a database", hint: "a number, like redis://HOST/0")
        }
        self.database = database
    }

    private mutating func readOptions(_ query: ArraySlice<UInt8>) throws(ParseError) {
        var seen: Set<String> = []
        for pair in query.split(separator: UInt8(ascii: "&")) {
            var key = pair
            let value = try Self.decoded(Self.cut(&key, at: "=") ?? [])
            let name = try Self.decoded(key)
            guard seen.insert(name).inserted else {
                throw ParseError(problem: "the option \(name) is set twice", hint: "leave one out")
            }
            try set(name, to: value)
        }
    }

    private mutating func set(_ option: String, to value: String) throws(ParseError) {
        switch option {
        case "ca":
            guard isEncrypted else {
                throw ParseError(problem: "the option ca is for TLS only", hint: "write rediss:// instead of redis://")
            }
            authorityPath = value
        case "prefix":
            guard !value.isEmpty, value.utf8.count <= 64 else {
                throw ParseError(problem: "the option prefix is empty or too long", hint: "like prefix=sallyport:")
            }
            prefix = value
        case "replicas":
            guard let count = Self.number(value), count <= 16 else {
                throw ParseError(problem: "the option replicas is not a number up to 16", hint: "like replicas=1")
            }
            replicas = count
        case "sentinel_user" where sentinel != nil: sentinel?.user = value
        case "sentinel_password" where sentinel != nil: sentinel?.password = Secret(Array(value.utf8))
        default:
            throw ParseError(
                problem: "there is an unknown option",
                hint: "known are ca, prefix, replicas and, with sentinels, sentinel_user and sentinel_password")
        }
    }

    /// Takes what follows the first `mark` off `rest`.
    private static func cut(_ rest: inout ArraySlice<UInt8>, at mark: Unicode.Scalar) -> ArraySlice<UInt8>? {
        guard let index = rest.firstIndex(of: UInt8(ascii: mark)) else { return nil }
        defer { rest = rest[..<index] }
        return rest[(index + 1)...]
    }

    private static func endpoint(_ bytes: ArraySlice<UInt8>, defaultPort: Int) throws(ParseError) -> Endpoint {
        var host = bytes
        var port = defaultPort
        let close = bytes.lastIndex(of: UInt8(ascii: "]"))
        let afterAddress = close.map { bytes.index(after: $0) } ?? bytes.startIndex
        if let colon = bytes[afterAddress...].lastIndex(of: UInt8(ascii: ":")) {
            host = bytes[..<colon]
            guard let number = number(String(decoding: bytes[(colon + 1)...], as: UTF8.self)),
                (1...65_535).contains(number)
            else { throw ParseError(problem: "there is no valid port", hint: "like redis://localhost:6379") }
            port = number
        }
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") { host = host.dropFirst().dropLast() }
        let allowed = host.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || [0x2D, 0x2E, 0x3A, 0x5F].contains(byte)
        }
        guard !host.isEmpty, host.count <= 253, allowed else {
            throw ParseError(
                problem: "there is no valid host name",
                hint: "like redis://localhost:6379; a password with @, / or ? in it is percent-encoded")
        }
        return Endpoint(host: String(decoding: host, as: UTF8.self), port: port)
    }

    private static func number(_ text: String) -> Int? {
        guard (1...7).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }

    private static func decoded(_ bytes: ArraySlice<UInt8>) throws(ParseError) -> String {
        var result: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%") {
                let digits = bytes[(index + 1)...].prefix(2)
                guard digits.count == 2, let high = hexadecimal(digits.first), let low = hexadecimal(digits.last) else {
                    throw ParseError(
                        problem: "a % is not followed by two hexadecimal digits", hint: "write %25 for a %")
                }
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        guard let text = String(validating: result, as: UTF8.self), !result.contains(0) else {
            throw ParseError(problem: "this is not text", hint: "like redis://localhost:6379")
        }
        return text
    }

    private static func hexadecimal(_ byte: UInt8?) -> UInt8? {
        switch byte {
        case .some(let byte) where (0x30...0x39).contains(byte): byte - 0x30
        case .some(let byte) where (0x41...0x46).contains(byte): byte - 0x37
        case .some(let byte) where (0x61...0x66).contains(byte): byte - 0x57
        default: nil
        }
    }
}
