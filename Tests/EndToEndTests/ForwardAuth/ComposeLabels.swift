import Foundation
import TestSupport

/// The labels of Examples/behind-traefik/compose.yaml as Traefik's Docker provider reads them, for its file provider.
enum ComposeLabels {
    /// Routes, middlewares and services with the names and ports of a test.
    static func traefikRoutes(_ ports: FrontProxy.Ports) throws -> String {
        var tree: [String: Any] = [:]
        for (path, value) in try labels() {
            // Certificates are for real names.
            guard path.first == "http", !path.contains("tls") else { continue }
            set(path.dropFirst(), value, in: &tree)
        }
        set(
            ["services", "auth", "loadbalancer"], ["servers": [["url": "http://127.0.0.1:\(ports.sallyport)"]]],
            in: &tree)
        let upstream = ["servers": [["url": "http://127.0.0.1:\(ports.upstream)"]]]
        set(["services", "mcp-fetch", "loadbalancer"], upstream, in: &tree)
        set(["services", "raw", "loadbalancer"], ["servers": [["url": "http://127.0.0.1:\(ports.raw)"]]], in: &tree)
        set(
            ["middlewares", "mcp-auth", "forwardauth", "address"], "http://127.0.0.1:\(ports.sallyport)/verify",
            in: &tree)
        var routers = tree["routers"] as? [String: Any] ?? [:]
        var raw = routers["mcp-fetch"] as? [String: Any] ?? [:]
        raw["rule"] = (raw["rule"] as? String)?.replacingOccurrences(of: "/mcp", with: "/raw")
        raw["service"] = "raw"
        routers["raw"] = raw
        tree["routers"] = routers
        // JSON is YAML.
        let data = try JSONSerialization.data(withJSONObject: ["http": tree], options: .withoutEscapingSlashes)
        return String(decoding: data, as: UTF8.self)
    }

    private static func labels() throws -> [([String], Any)] {
        let text = try String(contentsOfFile: Checkout.root + "/Examples/behind-traefik/compose.yaml", encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            let line = line.trimmingCharacters(in: .whitespaces)
            guard line.hasPrefix("- traefik."), let equals = line.firstIndex(of: "=") else { return nil }
            let path = line[..<equals].dropFirst("- traefik.".count).split(separator: ".").map(String.init)
            let value = String(line[line.index(after: equals)...])
                .replacingOccurrences(of: "auth.${BASE_DOMAIN}", with: "localhost")
                .replacingOccurrences(of: "fetch.${BASE_DOMAIN}", with: "127.0.0.1")
            return (path, typed(value, path.last ?? ""))
        }
    }

    private static func typed(_ value: String, _ key: String) -> Any {
        if ["middlewares", "entrypoints", "authresponseheaders"].contains(key) {
            return value.split(separator: ",").map(String.init)
        }
        return Int(value) as Any? ?? value
    }

    private static func set(_ path: some Collection<String>, _ value: Any, in tree: inout [String: Any]) {
        guard let key = path.first else { return }
        if path.count == 1 {
            tree[key] = value
        } else {
            var inner = tree[key] as? [String: Any] ?? [:]
            set(Array(path.dropFirst()), value, in: &inner)
            tree[key] = inner
        }
    }
}
