import Glibc

/// The environment of this process, read once.
enum ProcessEnvironment {
    /// Every variable. Of two with one name the first counts, as for `getenv`.
    static let all: [String: String] = {
        var variables: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if let equals = line.firstIndex(of: "=") {
                let name = String(line[..<equals])
                if variables[name] == nil { variables[name] = String(line[line.index(after: equals)...]) }
            }
            unsafe entry += 1
        }
        return variables
    }()
}
