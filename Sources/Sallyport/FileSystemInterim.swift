import Glibc

enum FileSystem {
    struct Failure: Error, CustomStringConvertible { let description: String }
    static func readFile(_ path: String, maximum: Int) throws -> [UInt8] {
        let fd = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw Failure(description: unsafe String(cString: strerror(errno))) }
        defer { close(fd) }
        var out: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let n = unsafe chunk.withUnsafeMutableBytes { unsafe read(fd, $0.baseAddress, $0.count) }
            guard n >= 0 else { throw Failure(description: unsafe String(cString: strerror(errno))) }
            if n == 0 { return out }
            out += chunk[..<n]
            if out.count > maximum { throw Failure(description: "larger than \(maximum) bytes") }
        }
    }
}
