import AsyncIO
import HTTP
import Telemetry
import Testing

@testable import AuthorizationServer

/// Whoever guesses the password of an account.
@Suite struct PasswordGuessTests {
    @Test("O05: eight attempts of one customer at once, two dozen of all, and the places of those that ended are free")
    func admission() async throws {
        let admission = LoginAdmission()
        func isAdmitted(_ address: String) async throws -> Bool {
            try await admission.attempt(from: try SocketAddress(ip: address, port: 1)) {} != nil
        }
        /// Makes attempts one inside the other, from as many addresses, and then looks.
        func hold(_ addresses: ArraySlice<String>, _ look: () async throws -> Void) async throws {
            guard let first = addresses.first else { return try await look() }
            let inner: Void? = try await admission.attempt(from: try SocketAddress(ip: first, port: 1)) {
                try await hold(addresses.dropFirst(), look)
            }
            #expect(inner != nil, "\(first)")
        }
        let network = (1...8).map { "2001:db8::\($0)" }
        for _ in 0..<2 {
            try await hold(network[...]) { () async throws in
                #expect(try await isAdmitted("2001:db8::9") == false, "the network of a customer is one address")
                #expect(try await isAdmitted("2001:db8:0:1::9") == true)
                #expect(try await isAdmitted("192.0.2.1") == true)
            }
            let many = network + (1...16).map { "192.0.2.\($0)" }
            try await hold(many[...]) { () async throws in
                #expect(try await isAdmitted("192.0.2.17") == false)
            }
        }
        struct Broken: Error {}
        for _ in 0..<9 {
            await #expect(throws: Broken.self) {
                try await admission.attempt(from: try SocketAddress(ip: "192.0.2.1", port: 1)) { throw Broken() }
            }
        }
    }

    @Test("U06: the delay doubles with each failure from the sixth on, and is never longer than a minute")
    func delays() {
        let last = Timestamp(millisecondsSinceEpoch: 1_000_000)
        func seconds(_ count: Int) -> Int64 {
            LoginDelay.remaining(after: LoginFailures(count: count, lastAt: last), at: last) / 1000
        }
        #expect([0, 5, 6, 7, 8, 9, 10, 11, 12, 1000].map(seconds) == [0, 0, 2, 4, 8, 16, 32, 60, 60, 60])
        let later = last + .seconds(61)
        #expect(LoginDelay.remaining(after: LoginFailures(count: 1000, lastAt: last), at: later) == 0)
    }

    @Test("U06: who has the password of a closed account is refused like one who has not")
    func closed() async throws {
        let fixture = try await Fixture()
        _ = try await fixture.users.add(name: "alice", password: LoginTests.password)
        try await fixture.users.disable("alice")
        let browser = TestBrowser(fixture)
        var form = await browser.get("/login").form()
        form["username"] = "alice"
        form["password"] = LoginTests.password
        let answer = await browser.post("/login", form)
        #expect(answer.status == 401 && answer.text.contains("user name or the password is wrong"))
        #expect(browser.cookies["sallyport-session"] == nil)
    }

    @Test("U06: guesses from many addresses are counted together, also those made side by side")
    func distributedGuessing() async throws {
        let fixture = try await Fixture()
        _ = try await fixture.users.add(name: "alice", password: LoginTests.password)
        let login = LocalLogin(service: fixture.service)
        @Sendable func isCompared(_ number: Int) async throws -> Bool {
            let (request, _) = RequestFactory.make(
                .post, "/login", fields: [], body: [], origin: "http://localhost:8080", from: "192.0.2.\(number)")
            let outcome = try await login.attempt(name: "alice", password: "guess \(number)", request: request)
            if case .refused = outcome { return true }
            return false
        }
        let compared = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 1...24 { group.addTask { try await isCompared(number) } }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect((1...LoginDelay.freeFailures + 1).contains(compared), "\(compared)")
        #expect(try await isCompared(25) == false)
    }
}
