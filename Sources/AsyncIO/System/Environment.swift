import Glibc

/// The environment of the process.
package enum Environment {
    /// All variables. The configuration reads them once at start; nobody else does.
    package static var all: [String: String] {
        var result: [String: String] = [:]
        guard var entry = unsafe Optional(environ) else { return result }
        while let text = unsafe entry.pointee {
            let pair = unsafe String(cString: text)
            if let equals = pair.utf8.firstIndex(of: UInt8(ascii: "=")) {
                let name = String(pair[..<equals])
                // The first of two equal names is the one that getenv finds.
                if result[name] == nil { result[name] = String(pair[pair.utf8.index(after: equals)...]) }
            }
            unsafe entry += 1
        }
        return result
    }

    /// One variable.
    package static subscript(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
