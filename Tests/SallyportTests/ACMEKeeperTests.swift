import AsyncIO
import Crypto
import Foundation
import HTTP
import Storage
import Telemetry
import TestSupport
import Testing

@testable import Sallyport

/// What of the certificates that an authority issued is served after a start.
@Suite("Kept certificates")
struct ACMEKeeperTests {
    /// Which of these names the listener can show after the start, when a certificate for `kept` lies there, and what the log says.
    private static func served(_ kept: String, for names: [String], days: Int = 2) throws -> (
        names: [String], log: String
    ) {
        let certificates = try TestCertificates()
        let issued = try certificates.issue("kept", names: kept, days: days)
        let data = try TemporaryDirectory("keeper")
        let folder = try data.makeFolder(DataDirectory.acmeName)
        let pair =
            try String(contentsOfFile: issued.certificate, encoding: .utf8)
            + String(contentsOfFile: issued.key, encoding: .utf8)
        try data.write("\(DataDirectory.acmeName)/certificate.pem", pair)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder)
        let (served, lines) = (ServedTLS(try TLSContext.withoutCertificate()), Ledger<String>())
        let settings = ACMESettings(
            directory: try HTTPURL("https://acme.example.test/dir"), challenge: .http01, domains: names)
        ACMEKeeper(
            settings, names: CertificateNames(names), dataDirectory: data.path, served: served,
            challenges: ACMEChallenges(served: served), clock: .system,
            logger: Logger(label: "tls", sink: LogSink(capture: { lines.record("\($0)") }))
        ).restore()
        return (names.filter { served.current.names($0) }, lines.all.joined(separator: "\n"))
    }

    @Test("F23: a certificate that was kept is served, where it is for the first of the names")
    func good() throws {
        let names = ["mcp.example.test", "one.mcp.example.test"]
        #expect(try Self.served("DNS:mcp.example.test", for: names).names == ["mcp.example.test"])
        #expect(try Self.served("DNS:mcp.example.test,DNS:*.mcp.example.test", for: names).names == names)
    }

    @Test("F23, O04: one for another name is not, and the log says so")
    func otherName() throws {
        let names = ["mcp.example.test", "one.mcp.example.test"]
        let other = try Self.served("DNS:one.mcp.example.test,DNS:mcp.example.test.evil.test", for: names)
        #expect(other.names.isEmpty, "what clients would refuse is not shown to them")
        #expect(other.log.contains("not for mcp.example.test"), "\(other.log)")
    }

    @Test("F23: nor is one whose time is over")
    func expired() throws {
        let old = try Self.served("DNS:mcp.example.test", for: ["mcp.example.test"], days: 0)
        #expect(old.names.isEmpty && old.log.contains("over"), "\(old.log)")
    }
}
