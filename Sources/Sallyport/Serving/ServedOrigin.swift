import AsyncIO
import HTTP
import Storage

/// Where the gateway on a data directory can be reached, left there for the commands that print links.
enum ServedOrigin {
    /// Notes it; blocking. Not worth a failure: the commands then fall back on their own configuration.
    static func write(_ origin: String, to directory: String) {
        try? FileSystem.writeFileAtomically("\(directory)/\(DataDirectory.originName)", Array(origin.utf8))
    }

    /// What was noted last; nil when nothing was, or it is no origin.
    static func read(from directory: String) -> String? {
        // A file that cannot be read is as good as none.
        guard let bytes = try? FileSystem.readFile("\(directory)/\(DataDirectory.originName)", maximum: 512),
            let text = String(validating: bytes, as: UTF8.self), let url = try? HTTPURL(text),
            url.origin.utf8.elementsEqual(text.utf8)
        else { return nil }
        return text
    }
}
