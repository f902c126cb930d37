import Glibc

/// Finds the file that a command names, once, when the configuration is read: later changes of `PATH` start nothing else.
enum CommandPath {
    /// The absolute path; `sallyport` is this program itself.
    static func find(_ command: String, directory: String, environment: [String: String]) -> String? {
        if command.contains("/") {
            let path = command.hasPrefix("/") ? command : "\(directory)/\(command)"
            return FileMode.isExecutable(path) ? path : nil
        }
        if command == "sallyport", let own = ownExecutable { return own }
        let path = environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        for folder in path.split(separator: ":") where folder.hasPrefix("/") {
            let candidate = "\(folder)/\(command)"
            if FileMode.isExecutable(candidate) { return candidate }
        }
        return nil
    }

    /// The file of this program.
    static let ownExecutable: String? = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = unsafe readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()
}
