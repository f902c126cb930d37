import Foundation
import TestSupport
import Testing

extension EndToEnd {
    /// A clock that somebody sets.
    @Suite("Clock faults")
    struct Clocks {
        /// A gateway whose clock a file sets.
        struct Place {
            let gateway: GatewayProcess

            static func start() async throws -> Place {
                let gateway = try GatewayProcess(configuration: EndToEnd.busy)
                let place = Place(gateway: gateway)
                try place.set("+0")
                // Only the time of day: what counts seconds goes on. Its own variable for the time would outdo the file.
                try await gateway.start(wrapper: [
                    "/usr/bin/faketime", "-m", "--exclude-monotonic", "-f", "+0", "/usr/bin/env", "-u", "FAKETIME",
                    "FAKETIME_TIMESTAMP_FILE=\(place.file)", "FAKETIME_NO_CACHE=1", "NO_FAKE_STAT=1",
                ])
                try await gateway.addUser(EndToEnd.user, password: EndToEnd.password)
                return place
            }

            private var file: String { gateway.directory.file("clock") }

            /// How far the clock is from the right time, in the words of faketime.
            func set(_ offset: String) throws {
                try Data(offset.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
            }

            /// The status of a request with this token.
            func status(_ token: String) async throws -> Int {
                let fields = [
                    "Authorization": "Bearer \(token)", "Content-Type": "application/json",
                    "Accept": "application/json, text/event-stream",
                ]
                return try await gateway.request("POST", "/demo/mcp", fields, body: PlainMCP.request("ping", id: 1))
                    .status
            }

            /// Waits until the gateway knows again what was revoked: the time of its last look means nothing after a jump.
            func settle(_ token: String) async throws {
                try await eventuallyTrue("the gateway to know what was revoked", within: .seconds(3)) {
                    try await status(token) != 503
                }
            }
        }

        @Test(
            "F17, S03: a clock that jumps ends what is over, revives nothing, and holds up no timer",
            arguments: ["+3600", "+86400"])
        func jumps(_ ahead: String) async throws {
            let place = try await Place.start()
            let walk = EndToEnd.walk(place.gateway)
            let (client, first) = try await EndToEnd.logIn(place.gateway)
            let (spent, waiting) = try await onThread {
                let spent = try walk.authorize(client: client)
                _ = try walk.redeem(code: spent, client: client)
                return (spent, try walk.authorize(client: client))
            }
            let second = try OAuthWalk.pair(
                in: try await onThread { try walk.refresh(first.refresh, client: client) })
            let session = try await EndToEnd.session(place.gateway, token: second.access)
            #expect(try await place.status(second.access) == 400, "it is good: what it lacks is a session")

            // A call that is under way is answered in its own time, whatever the clock says.
            let call = PlainMCP.call("progress", id: 9, #"{"steps":4,"seconds":1.2}"#, token: "1")
            let busy = try await onThread { try StreamBox(session.stream("POST", body: call)) }
            _ = try #require(try await onThread { try busy.next() })
            try place.set(ahead)
            let end = try await onThread {
                var last: PlainEvent?
                while let event = try busy.next() { last = event }
                return last?.data ?? ""
            }
            #expect(end.contains("done after 4 steps"), "\(end)")
            try await place.settle(second.access)
            #expect(try await place.status(second.access) == 401, "its time is over")
            func expectDead(_ when: String) async throws {
                for (name, token) in [("first", first.access), ("second", second.access)] {
                    #expect(try await place.status(token) == 401, "\(when): the \(name) access token")
                }
                for code in [spent, waiting] {
                    let answer = try await onThread { try walk.redeem(code: code, client: client) }
                    #expect(answer.object["error"] as? String == "invalid_grant", "\(when): \(answer.text)")
                }
            }
            try await expectDead("ahead")
            // A code that is used twice ends what came of it: so another login shows what goes on.
            let (later, third) = try await EndToEnd.logIn(place.gateway)
            let renewed = try await onThread { try walk.refresh(third.refresh, client: later) }
            #expect(renewed.status == 200, "\(renewed.text)")
            #expect(try await place.status(third.access) == 400)

            try place.set("-" + ahead.dropFirst())
            try await place.settle(third.access)
            try await expectDead("back")
            #expect(try await place.status(third.access) == 400, "what was made before the clock was set back is good")
            let (newest, fourth) = try await EndToEnd.logIn(place.gateway)
            #expect(try await place.status(fourth.access) == 400, "logins go on")
            let answer = try await onThread { try walk.refresh(fourth.refresh, client: newest) }
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try await place.gateway.terminate() == .exited(0))
        }

        @Test("F17: a clock that is a minute off, or goes twice as fast, is nothing that anybody notices")
        func skew() async throws {
            let place = try await Place.start()
            let walk = EndToEnd.walk(place.gateway)
            var (client, tokens) = try await EndToEnd.logIn(place.gateway)
            for offset in ["+58", "+0", "-58", "+0 x2", "+0 x0.5", "+0"] {
                try place.set(offset)
                try await place.settle(tokens.access)
                #expect(try await place.status(tokens.access) == 400, "\(offset): the token from before is good")
                let answer = try await onThread { [client, tokens] in
                    try walk.refresh(tokens.refresh, client: client)
                }
                #expect(answer.status == 200, "\(offset): \(answer.text)")
                (client, tokens) = try await EndToEnd.logIn(place.gateway)
                let session = try await EndToEnd.session(place.gateway, token: tokens.access)
                let begin = ContinuousClock.now
                let call = try await onThread { try session.call("progress", #"{"steps":2,"seconds":0.5}"#) }
                #expect(call.text?.contains("done") == true, "\(offset): \(call.messages)")
                #expect((0.4..<5).contains((ContinuousClock.now - begin) / .seconds(1)), "\(offset)")
            }
        }
    }
}
