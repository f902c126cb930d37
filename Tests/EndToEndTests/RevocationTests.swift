import Foundation
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    /// What ends, ends everywhere: two processes on one data directory.
    @Suite("Revocation everywhere")
    struct Revocations {
        /// A session with its open stream at one of the processes.
        struct Place {
            let client: PlainMCP
            let stream: StreamBox
        }

        static func place(_ token: String, _ gateway: GatewayProcess, host: String) async throws -> Place {
            let port = gateway.port
            return try await onThread {
                var client = PlainMCP(port: port, path: "/demo/mcp", token: token, host: host)
                let answer = try client.open()
                try #require(client.session != nil, "\(answer.status) \(answer.messages)")
                let stream = try StreamBox(client.stream(timeout: 30))
                try #require(stream.status == 200)
                return Place(client: client, stream: stream)
            }
        }

        /// How long it takes from `begin` until a stream ends in order.
        static func end(of place: Place, since begin: ContinuousClock.Instant) async throws -> Duration {
            let end = Ending()
            Thread.detachNewThread {
                // How it ended is what is asked below.
                let isOrderly = (try? place.stream.drain()) ?? false
                end.state.withLock { $0 = (isOrderly, ContinuousClock.now) }
            }
            let (isOrderly, time) = try await eventually("the end of a stream") { end.state.withLock { $0 } }
            #expect(isOrderly)
            return time - begin
        }

        /// Whether and when a stream ended, told by the thread that reads it.
        final class Ending: Sendable {
            let state = Mutex<(isOrderly: Bool, at: ContinuousClock.Instant)?>(nil)
        }

        static func isRefused(_ client: PlainMCP) async throws -> Bool {
            try await onThread { try client.post(PlainMCP.request("ping", id: 9)).status } == 401
        }

        @Test(
            "T08: a token revoked at one process is refused by the other within a second, its streams end within five")
        func revocation() async throws {
            let (first, second) = try await Keys.pair()
            try await first.addUser("bob", password: "bob's long password")
            let host = "localhost:\(first.port)"
            let (client, tokens) = try await EndToEnd.logIn(first)
            let bob = try await EndToEnd.logIn(first, as: "bob", "bob's long password").tokens.access
            let places = [
                try await Self.place(tokens.access, first, host: host),
                try await Self.place(tokens.access, second, host: host),
            ]
            let other = try await Self.place(bob, second, host: host)
            let walk = EndToEnd.walk(first)
            let begin = ContinuousClock.now
            #expect(try await onThread { try walk.revoke(tokens.refresh, client: client).status } == 200)
            for place in places {
                try await eventuallyTrue("the token is refused", within: .seconds(1)) {
                    try await Self.isRefused(place.client)
                }
            }
            #expect(ContinuousClock.now - begin < .seconds(1), "refused after \(ContinuousClock.now - begin)")
            for place in places {
                let time = try await Self.end(of: place, since: begin)
                #expect(time < .seconds(5), "ended after \(time)")
            }
            let alive = try await onThread { try other.client.call("echo", id: 3, #"{"message":"still here"}"#) }
            #expect(alive.text?.contains("still here") == true)
        }

        @Test(
            "U07, T08: disabling a user under load ends tokens, sessions, streams and children, and the browser's session"
        )
        func disabledUser() async throws {
            let (first, second) = try await Keys.pair()
            try await first.addUser("bob", password: "bob's long password")
            let host = "localhost:\(first.port)"
            let (client, tokens) = try await EndToEnd.logIn(first)
            let bob = try await EndToEnd.logIn(first, as: "bob", "bob's long password").tokens.access
            let browser = try await Self.signedIn(first)
            let places = [
                try await Self.place(tokens.access, first, host: host),
                try await Self.place(tokens.access, second, host: host),
            ]
            let children = [first, second].map { ProcessTable.descendants(of: $0.pid) }
            #expect(children.allSatisfy { !$0.isEmpty })
            let other = try await Self.place(bob, second, host: host)
            let load = places.map { place in
                Task {
                    while try await onThread({ try place.client.call("echo", id: 5, #"{"message":"x"}"#).status })
                        == 200
                    {}
                }
            }
            let begin = ContinuousClock.now
            #expect(try await first.command(["user", "disable", EndToEnd.user]).exit == .exited(0))
            let disabled = ContinuousClock.now
            for place in places {
                try await eventuallyTrue("the token is refused", within: .seconds(1)) {
                    try await Self.isRefused(place.client)
                }
            }
            #expect(ContinuousClock.now - disabled < .seconds(1))
            for task in load { try await task.value }
            for place in places {
                let time = try await Self.end(of: place, since: begin)
                #expect(time < .seconds(6), "ended after \(time)")
            }
            for pid in children.joined() {
                try await eventuallyTrue("child \(pid) is gone", within: .seconds(5)) { !ProcessTable.isAlive(pid) }
            }
            let walk = EndToEnd.walk(first)
            #expect(try await onThread { try walk.refresh(tokens.refresh, client: client).status } == 400)
            #expect(try await !Self.isSignedIn(browser))
            let alive = try await onThread { try other.client.call("echo", id: 3, #"{"message":"still here"}"#) }
            #expect(alive.text?.contains("still here") == true)
        }

        /// A browser that the user signed in with.
        static func signedIn(_ gateway: GatewayProcess) async throws -> Browser {
            let port = gateway.port
            let browser = try await onThread {
                let browser = PlainBrowser(port: port)
                let walk = OAuthWalk(port: port, user: EndToEnd.user, password: EndToEnd.password)
                _ = try browser.walk(
                    walk.authorizationURL(client: try walk.register()), to: OAuthWalk.redirectURI, as: walk.user,
                    walk.password)
                return Browser(browser)
            }
            #expect(try await Self.isSignedIn(browser))
            return browser
        }

        static func isSignedIn(_ browser: Browser) async throws -> Bool {
            try await onThread {
                let page = try browser.browser.send("GET", "/login")
                return page.status != 200 || !page.text.contains("type=\"password\"")
            }
        }

        // SAFETY: the tests hand it from one awaited thread to the next, never to two at once.
        final class Browser: @unchecked Sendable {
            let browser: PlainBrowser
            init(_ browser: PlainBrowser) { self.browser = browser }
        }
    }
}
