import AsyncIO
import HTTP
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct EgressTests {
    @Test(
        "A15: special-purpose addresses in every form are refused",
        arguments: [
            "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.127.255.255", "169.254.169.254",
            "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
            "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
            "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "fc00::1", "fd12:3456::1", "fe80::1",
            "fec0::1", "ff02::1", "100::1", "2600::5efe:127.0.0.1", "2600::200:5efe:10.0.0.1", "3fff::1", "5f00::1",
        ])
    func special(text: String) throws {
        #expect(SpecialPurposeAddresses.contains(try #require(IPAddress(text))))
    }

    @Test(arguments: [
        "1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.32.0.1", "2606:4700::1111", "2a00::1",
        "::ffff:8.8.8.8",
    ])
    func ordinary(text: String) throws {
        #expect(!SpecialPurposeAddresses.contains(try #require(IPAddress(text))))
    }

    @Test(
        "A15: nothing reaches a private listener by address or by name",
        arguments: [
            "https://127.0.0.1:PORT/", "https://[::1]:PORT/", "https://[::ffff:127.0.0.1]:PORT/",
            "https://localhost:PORT/",
            "http://127.0.0.1:PORT/", "http://localhost:PORT/", "https://0.0.0.0:PORT/", "https://169.254.169.254/",
        ])
    func canary(form: String) async throws {
        let accepted = Accepted()
        let group = EventLoopGroup(count: 1)
        let listener = try await TCPListener.bind(try SocketAddress(ip: "127.0.0.1", port: 0), on: group) { stream in
            accepted.count.add(1, ordering: .relaxed)
            stream.close()
        }
        let client = HTTPClient(on: group.next(), policy: .publicOnly)
        let url = try HTTPURL(form.replacing("PORT", with: "\(listener.boundAddress.port)"))
        let error = await #expect(throws: HTTPClientError.self) { try await client.send(HTTPClientRequest(url: url)) }
        #expect(error?.code == .refused)
        #expect(accepted.count.load(ordering: .relaxed) == 0)
        await listener.close()
    }

    @Test(
        "A15: odd spellings of addresses are no URLs",
        arguments: [
            "https://0x7f000001/", "https://0x7f.1/", "https://127.1/", "https://2130706433/", "https://017700000001/",
            "https://127.0.0.1./", "https://user@127.0.0.1/", "ftp://example.com/", "data:text/plain,x",
            "file:///etc/passwd",
            "https://[::1%25lo]/", "https://127.0.0.1%00.example.com/", "https://\u{2460}27.0.0.1/",
            "https://127\u{3002}0.0.1/",
        ])
    func spellings(text: String) {
        #expect(throws: HTTPURLError.self) { try HTTPURL(text) }
    }

    final class Accepted: Sendable {
        let count = Atomic(0)
    }
}
