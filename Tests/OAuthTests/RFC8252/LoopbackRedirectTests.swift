import OAuth
import Testing

@Suite struct LoopbackRedirectTests {
    /// Everything but another port, beside what is registered.
    static let mutants: [(registered: String, requested: [String])] = [
        (
            "http://127.0.0.1/cb",
            [
                "http://127.0.0.1:5/cb?x=1", "http://127.0.0.1:5/cb?", "http://127.0.0.1:5/cb#",
                "http://127.0.0.1:5/cb#x",
                "http://127.0.0.1:5/cb/", "http://127.0.0.1:5/Cb", "http://127.0.0.1:5/%63b", "http://127.0.0.1:5/./cb",
                "http://127.0.0.1:5//cb", "http://127.0.0.1:5/a/../cb", "http://127.0.0.1:5/cb;x",
                "http://127.0.0.1:5/",
                "http://127.0.0.1:5", "http://127.0.0.1:5cb", "http://127.0.0.2:5/cb", "http://127.0.0.10:5/cb",
                "http://0.0.0.0:5/cb", "http://127.1:5/cb", "http://127.0.1:5/cb", "http://2130706433:5/cb",
                "http://0x7f.0.0.1:5/cb", "http://0x7f000001:5/cb", "http://0177.0.0.1:5/cb", "http://127.0.0.01:5/cb",
                "http://127.000.000.001:5/cb", "http://localhost:5/cb", "http://[::1]:5/cb",
                "http://[::ffff:127.0.0.1]:5/cb", "http://[::ffff:7f00:1]:5/cb", "https://127.0.0.1:5/cb",
                "HTTP://127.0.0.1:5/cb", "ftp://127.0.0.1:5/cb", "ws://127.0.0.1:5/cb", "http:/127.0.0.1:5/cb",
                "http:127.0.0.1:5/cb", "http:///127.0.0.1:5/cb", "//127.0.0.1:5/cb", "127.0.0.1:5/cb",
                "http://127.0.0.1:/cb", "http://127.0.0.1:99999/cb", "http://127.0.0.1:65536/cb",
                "http://127.0.0.1:-1/cb", "http://127.0.0.1:+5/cb", "http://127.0.0.1: 5/cb", "http://127.0.0.1:5 /cb",
                "http://127.0.0.1:5:6/cb", "http://127.0.0.1:0x5/cb", "http://127.0.0.1:5@evil.test/cb",
                "http://127.0.0.1@evil.test:5/cb", "http://evil.test@127.0.0.1:5/cb", "http://@127.0.0.1:5/cb",
                "http://127.0.0.1:5\\@evil.test/cb", "http://127.0.0.1:5\\cb", "http://127.0.0.1.evil.test:5/cb",
                "http://127.0.0.1.:5/cb", "http://evil127.0.0.1:5/cb", "http://127.0.0.1%2eevil.test:5/cb",
                "http://127.0.0.1:5/cb\n", " http://127.0.0.1:5/cb", "http://127.0.0.1:5/cb\0",
                "http://127.0.0.1:5/cb%00",
                "http://127.0.0.1:\u{FF15}/cb", "http://\u{FF11}27.0.0.1:5/cb",
            ]
        ),
        (
            "http://[::1]/cb",
            [
                "http://[::1]:5/cb/", "http://[0:0:0:0:0:0:0:1]:5/cb", "http://[::0001]:5/cb", "http://[::2]:5/cb",
                "http://[::]:5/cb", "http://::1:5/cb", "http://[::1:5/cb", "http://[::1]5/cb", "http://[::1%25lo]:5/cb",
                "http://127.0.0.1:5/cb", "http://localhost:5/cb", "https://[::1]:5/cb", "http://[::1]:/cb",
            ]
        ),
        (
            "http://localhost/cb",
            [
                "http://LOCALHOST:5/cb", "http://localhost.:5/cb", "http://localhost.evil.test:5/cb",
                "http://evil.localhost:5/cb", "http://localhost:5/cb?x", "http://127.0.0.1:5/cb",
                "https://localhost:5/cb",
                "http://localhost:5@evil.test/cb", "http://loca%6Chost:5/cb", "http://localhost:/cb",
                "http://\u{217C}ocalhost:5/cb",
            ]
        ),
        ("https://app.test/cb", ["https://app.test:5/cb", "https://app.test:443/cb"]),
        ("https://localhost/cb", ["https://localhost:5/cb"]),
        ("https://127.0.0.1/cb", ["https://127.0.0.1:5/cb"]),
        ("cursor://localhost/cb", ["cursor://localhost:5/cb"]),
    ]

    @Test("A02: nothing but the port of a loopback redirect URI may vary")
    func mutantsAreRefused() throws {
        #expect(Self.mutants.reduce(0) { $0 + $1.requested.count } >= 60)
        for (text, requested) in Self.mutants {
            let registered = try RedirectURI(parsing: text)
            for mutant in requested {
                let candidate = try? RedirectURI(parsing: mutant)
                #expect(candidate?.matches(registered: registered) != true, "\(text) against \(mutant)")
            }
        }
    }

    @Test(
        "A02: each port of the registered loopback address matches",
        arguments: ["127.0.0.1", "[::1]", "localhost"], ["/cb", "/cb?a=b&c=%20", "", "/"])
    func portsMatch(host: String, rest: String) throws {
        for known in ["", ":1", ":3000"] {
            let registered = try RedirectURI(parsing: "http://\(host)\(known)\(rest)")
            for port in ["", ":1", ":80", ":49152", ":65535"] {
                let requested = try RedirectURI(parsing: "http://\(host)\(port)\(rest)")
                #expect(requested.matches(registered: registered))
            }
        }
    }
}
