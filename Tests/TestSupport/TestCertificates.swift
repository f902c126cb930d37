import Foundation

/// An authority and certificates for one test, made by `openssl`; blocking.
package struct TestCertificates: Sendable {
    package let directory: TemporaryDirectory

    /// Makes an authority: `ca.pem`.
    package init() throws {
        directory = try TemporaryDirectory("certificates")
        try openssl("req", "-x509", "-subj", "/CN=Test authority", "-days", "2", "-out", authority)
    }

    /// The certificate of the authority.
    package var authority: String { directory.file("ca.pem") }

    /// A certificate for `names` (`IP:127.0.0.1`, `DNS:localhost`), and its key. `isTrusted` false signs it by itself; with
    /// `days` below one it is over already.
    package func issue(_ name: String, names: String, isTrusted: Bool = true, days: Int = 2) throws -> (
        certificate: String, key: String
    ) {
        let certificate = directory.file("\(name).pem")
        let key = certificate + ".key"
        var arguments = [
            "req", "-x509", "-subj", "/CN=\(name)", "-addext", "subjectAltName=\(names)", "-out", certificate,
        ]
        if isTrusted { arguments += ["-CA", authority, "-CAkey", authority + ".key"] }
        if days > 0 {
            arguments += ["-days", String(days)]
            try run(arguments + ["-keyout", key] + Self.newKey)
            return (certificate, key)
        }
        // `req` makes none that is over; `x509` does.
        let request = directory.file("\(name).csr")
        let extensions = try directory.write("\(name).ext", "subjectAltName=\(names)\n")
        try run(["req", "-new", "-subj", "/CN=\(name)", "-keyout", key, "-out", request] + Self.newKey)
        try run([
            "x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority + ".key", "-CAcreateserial",
            "-days", "-1", "-extfile", extensions, "-out", certificate,
        ])
        return (certificate, key)
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    private func openssl(_ arguments: String...) throws {
        try run(arguments + ["-keyout", authority + ".key"] + Self.newKey)
    }

    private func run(_ arguments: [String]) throws {
        let (exit, text) = try RunningProgram.run("/usr/bin/openssl", arguments)
        guard exit == .exited(0) else { throw DeadlineExceeded(what: "openssl \(arguments): \(text)") }
    }
}
