import Foundation
import TestSupport

/// A proxy, Sallyport that only answers `/verify` and is the authorization server, and upstreams without a login.
final class ThreeTiers {
    let ports: FrontProxy.Ports
    let gateway: GatewayProcess
    private let directory: TemporaryDirectory
    private let programs: [RunningProgram]

    /// Starts all three with the configuration of Examples/behind-traefik.
    init(_ front: FrontProxy, adding settings: String = "") async throws {
        let ports = try FrontProxy.Ports()
        let directory = try TemporaryDirectory("tiers")
        let example = try String(
            contentsOfFile: Checkout.root + "/Examples/behind-traefik/sallyport.yaml", encoding: .utf8)
        let configuration = example.replacingOccurrences(
            of: "https://auth.${BASE_DOMAIN}", with: "http://localhost:\(ports.front)"
        )
        .replacingOccurrences(of: "https://fetch.${BASE_DOMAIN}", with: "http://127.0.0.1:\(ports.front)")
        .replacingOccurrences(of: "[172.16.0.0/12]", with: "[127.0.0.0/8]")
        let raw = "  raw: {url: \"http://127.0.0.1:\(ports.front)/raw\"}\n"
        gateway = try GatewayProcess(configuration: configuration + raw + settings, port: ports.sallyport)
        let job: [String: Any] = ["port": ports.upstream, "raw_port": ports.raw, "raw_file": directory.file("raw")]
        let argument = String(decoding: try JSONSerialization.data(withJSONObject: job), as: UTF8.self)
        let upstream = try RunningProgram(
            Checkout.python("current"), [Checkout.client("plain_server.py"), argument],
            environment: GatewayProcess.environment(home: directory.path), in: directory.path, logs: directory,
            name: "upstream")
        let proxy = try front.start(ports, in: directory)
        programs = [upstream, proxy]
        self.directory = directory
        self.ports = ports
        try await gateway.start()
        try await gateway.addUser(EndToEnd.user, password: EndToEnd.password)
        for port in [ports.front, ports.upstream, ports.raw] {
            do {
                try await eventuallyTrue("port \(port)", within: .seconds(30)) {
                    // Somebody else may have taken a port since it was found free: that is over at once, and says so.
                    guard upstream.exit == nil, proxy.exit == nil else {
                        throw DeadlineExceeded(what: "a program ended")
                    }
                    return try await onThread { (try? PlainConnection(port: port, timeout: 1)) != nil }
                }
            } catch let error as DeadlineExceeded {
                let said = [upstream.errors, proxy.output, proxy.errors].joined(separator: "\n")
                throw PlainBrowser.WalkError(description: "\(ports): \(error.what)\n\(said)")
            }
        }
        try await eventuallyTrue("\(front) to know its routes; \(proxy.output) \(proxy.errors)", within: .seconds(20)) {
            try await self.ask("/mcp").status == 401
        }
    }

    deinit { for program in programs { program.killTree() } }

    /// The walk of a client for a resource at the MCP host.
    func walk(_ path: String) -> OAuthWalk {
        var walk = OAuthWalk(port: ports.front, user: EndToEnd.user, password: EndToEnd.password)
        walk.audience = "http://127.0.0.1:\(ports.front)\(path)"
        return walk
    }

    /// An access token for it.
    func token(for path: String) async throws -> String {
        let walk = walk(path)
        return try await onThread { try walk.logIn().tokens.access }
    }

    /// One request to the MCP host, header lines as they are.
    func ask(
        _ target: String, method: String = "GET", token: String? = nil, lines: [String] = [], host: String? = nil
    ) async throws -> PlainResponse {
        let port = ports.front
        var head = ["\(method) \(target) HTTP/1.1", "Host: \(host ?? "127.0.0.1:\(port)")", "Connection: close"]
        if let token { head.append("Authorization: Bearer \(token)") }
        let text = (head + lines).joined(separator: "\r\n") + "\r\n\r\n"
        return try await onThread {
            let http = try PlainHTTP(port: port, timeout: 10)
            try http.connection.send(Array(text.utf8))
            return try http.receive()
        }
    }

    /// The heads that reached the socket since the last look, in lower case.
    func rawHeads() -> [String] {
        let path = directory.file("raw")
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        // Nothing came yet: there is no file.
        try? FileManager.default.removeItem(atPath: path)
        return text.split(separator: "\n").compactMap { Data(base64Encoded: String($0)) }
            .map { String(decoding: $0, as: UTF8.self).lowercased() }
    }
}
