import AsyncIO
import HTTP
import Storage

/// Refuses settings that work but do not protect (O03).
struct WeakConfiguration {
    let context: ConfigurationContext
    let configuration: Configuration

    /// Records every weakness.
    func check() {
        checkPublicURL()
        checkOrigins()
        checkDataDirectory()
    }

    private func checkPublicURL() {
        let path = ConfigurationPath.root.key("public_url")
        guard let url = configuration.publicURL else {
            guard !configuration.listen.isLoopback else { return }
            return context.refuse(
                path, line: nil, "must be set when \(configuration.listen) is listened on",
                hint: "set it to the address that clients use, like https://mcp.example.com")
        }
        if url.isInTheClear {
            context.refuse(
                path, line: nil, "\"\(url)\" would send tokens over the network in the clear",
                hint: "use https://\(url.host), and end TLS in a proxy in front")
        }
    }

    private func checkOrigins() {
        for origin in configuration.allowedOrigins where origin.isInTheClear {
            context.refuse(
                .root.key("cors").key("allowed_origins"), line: nil,
                "\"\(origin)\" can be forged by anybody on the network", hint: "use https://\(origin.host)")
        }
    }

    private func checkDataDirectory() {
        guard configuration.storage == .sqlite else { return }
        let path = ConfigurationPath.root.key("data_dir")
        let directory = configuration.dataDirectory
        if FileMode.permissions(of: directory) != nil, !FileMode.isDirectory(directory) {
            return context.refuse(path, line: nil, "\(directory) is not a folder")
        }
        if FileMode.isOpenToOthers(directory) {
            context.refuse(
                path, line: nil, "other users of this machine can look into \(directory)",
                hint: "chmod 700 \(directory)")
        }
        for name in DataDirectory.privateFiles where FileMode.isOpenToOthers("\(directory)/\(name)") {
            context.refuse(
                path, line: nil, "other users of this machine can read \(directory)/\(name)",
                hint: "chmod 600 \(directory)/\(name)")
        }
    }
}
