import AsyncIO
import Testing

struct AddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"),
        ("::1", "::1"), ("1::", "1::"), ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func addressesAreRead(_ text: String, _ canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test(
        "A15: only the standard forms of an address are addresses",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.04", "0x7f.0.0.1", "256.1.1.1", "1.2.3.-4", "+1.2.3.4",
            " 1.2.3.4", "1.2.3.4 ", "1..2.3", "2130706433", "127.1", "١.2.3.4", "1.2.3.4\0", ":", ":::", "1:2",
            "1::2::3",
            "12345::", "g::", "::1%lo", "[::1]", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "::01.2.3.4", "1.2.3.4::", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
        ])
    func nothingElseIsAnAddress(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func loopbackIsKnownInAllForms() {
        for text in ["127.0.0.1", "127.255.1.2", "::1", "::ffff:127.0.0.1"] {
            #expect(IPAddress(text)?.isLoopback == true)
        }
        for text in ["128.0.0.1", "::2", "::ffff:126.0.0.1", "::127.0.0.1"] {
            #expect(IPAddress(text)?.isLoopback == false)
        }
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "1.2.3.4", true),
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1/32", "192.0.2.2", false), ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ("fc00::/7", "fdff::1", true), ("fc00::/7", "fe00::", false), ("::/0", "::1", true),
        ("2001:db8::/65", "2001:db8::7fff:ffff:ffff:ffff", true), ("2001:db8::/65", "2001:db8::8000:0:0:0", false),
        ("::/0", "1.2.3.4", false),
    ])
    func blocksContainTheirAddresses(_ block: String, _ address: String, _ expected: Bool) throws {
        let block = try #require(CIDR(block))
        let address = try #require(IPAddress(address))
        #expect(block.contains(address) == expected)
    }

    @Test(arguments: [
        "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/", "/8", "10.0.0.0/8/8", "::1/64", "10.0.0.0/-1",
    ])
    func mistakenBlocksAreRefused(_ text: String) {
        #expect(CIDR(text) == nil)
    }

    @Test(arguments: ["127.0.0.1:8080", "[::1]:0", "unix:/run/a.sock", "0.0.0.0:65535", "[2001:db8::1]:443"])
    func socketAddressesReadBack(_ text: String) throws {
        #expect(try SocketAddress(parsing: text).description == text)
    }

    @Test(arguments: [
        "", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+1", "127.0.0.1:080", "::1:80",
        "[127.0.0.1]:80",
        "[::1]", "[::1]80", "localhost:80", "unix:", "unix:" + String(repeating: "a", count: 108), "127.0.0.1:80 ",
    ])
    func otherSocketAddressesAreRefused(_ text: String) {
        #expect(throws: SocketAddress.ParseError(text: text)) { try SocketAddress(parsing: text) }
    }
}
