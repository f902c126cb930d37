import TestSupport

/// What a real proxy of a test needs around the part of its configuration that the documents print: words of its start, and
/// files that are its own.
enum ProxyFrame {
    /// The words that start nginx with these servers.
    static func nginx(_ servers: String, in directory: TemporaryDirectory) throws -> [String] {
        let folder = directory.path
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder)/\($0);" }.joined(separator: "\n")
        let file = try directory.write(
            "nginx.conf",
            """
            daemon off;
            user root;
            pid \(folder)/nginx.pid;
            events {}
            http {
            access_log off;
            \(temporary)
            \(servers)
            }
            """)
        return ["/usr/sbin/nginx", "-c", file, "-p", folder, "-e", "stderr"]
    }

    /// The words that start Caddy with these sites.
    static func caddy(_ sites: String, in directory: TemporaryDirectory) throws -> [String] {
        let file = try directory.write(
            "Caddyfile", "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n" + sites)
        return ["/usr/bin/caddy", "run", "--config", file, "--adapter", "caddyfile"]
    }

    /// Starts a proxy whose state stays in `directory`.
    static func start(_ words: [String], in directory: TemporaryDirectory, name: String) throws -> RunningProgram {
        var variables = GatewayProcess.environment(home: directory.path)
        variables["XDG_DATA_HOME"] = directory.path
        variables["XDG_CONFIG_HOME"] = directory.path
        return try RunningProgram(
            words[0], Array(words.dropFirst()), environment: variables, in: directory.path, logs: directory, name: name)
    }
}
