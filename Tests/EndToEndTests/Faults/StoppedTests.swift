import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// A gateway that stands still, as a virtual machine that is moved does.
    @Suite("Standing still")
    struct StandingStill {
        /// How long: more than a head may take to arrive, and than a stream may be silent.
        static let pause = Duration.seconds(30)

        @Test("F27: after standing still it goes on: what came meanwhile is answered, sessions and streams are there")
        func stopped() async throws {
            let gateway = try await EndToEnd.gateway()
            let token = try await EndToEnd.logIn(gateway).tokens.access
            var sessions: [PlainMCP] = []
            for _ in 0..<10 { sessions.append(try await EndToEnd.session(gateway, token: token)) }
            let streams = try await onThread { [sessions] in try sessions.map { try StreamBox($0.stream(timeout: 80)) }
            }
            // One call is under way, and ends while the gateway stands; of another request only a half has come.
            let call = PlainMCP.call("progress", id: 9, #"{"steps":2,"seconds":1}"#, token: "1")
            let busy = try await onThread { [sessions] in
                try StreamBox(sessions[0].stream("POST", body: call, timeout: 80))
            }
            _ = try #require(try await onThread { try busy.next() })
            let port = gateway.port
            let half = try await onThread { try SharedConnection(port: port) }
            try half.send("GET /live HTTP/1.1\r\nHost: localho")
            try await eventuallyTrue("half of the request to be there") {
                try await gateway.metric("sallyport_http_connections") == streams.count + 3
            }

            kill(gateway.pid, SIGSTOP)
            let begin = ContinuousClock.now
            try half.send("st\r\nConnection: close\r\n\r\n")
            // These come while nobody looks: each on a connection of its own.
            let waiting = sessions.map { session in
                Task {
                    try await onThread { try session.call("echo", id: 11, #"{"message":"hello"}"#, timeout: 80) }
                }
            }
            try await eventuallyTrue("the time to pass", within: .seconds(60), every: .milliseconds(100)) {
                ContinuousClock.now - begin > Self.pause
            }
            kill(gateway.pid, SIGCONT)
            let awake = ContinuousClock.now

            #expect(try await onThread { try half.receive() }.contains(" 200 "), "its second half had come in time")
            for task in waiting {
                let answer = try await task.value
                #expect(answer.status == 200 && answer.text == "hello", "\(answer.status) \(answer.messages)")
            }
            let end = try await onThread {
                var last: PlainEvent?
                while let event = try busy.next() { last = event }
                return last?.data ?? ""
            }
            #expect(end.contains("done after 2 steps"), "\(end)")
            #expect(ContinuousClock.now - awake < .seconds(10), "nobody waited for long")
            // Nothing ended, and what is due comes once.
            for session in sessions {
                let answer = try await onThread { try session.call("echo", id: 12, #"{"message":"again"}"#) }
                #expect(answer.text == "again", "\(answer.messages)")
            }
            #expect(try await gateway.metric("sallyport_sessions{server=\"demo\"}") == sessions.count)
            #expect(try await gateway.terminate() == .exited(0))
            for stream in streams {
                let comments = try await onThread {
                    try stream.rest().components(separatedBy: ": keep-alive").count - 1
                }
                #expect(comments == 1, "one sign of life for one silence, and the end in order")
            }
        }

        /// A connection that is handed from thread to thread, one at a time.
        private final class SharedConnection: @unchecked Sendable {
            // SAFETY: the test uses it in one place at a time.
            private let connection: PlainConnection

            init(port: Int) throws { connection = try PlainConnection(port: port, timeout: 80) }

            func send(_ text: String) throws { try connection.send(Array(text.utf8)) }
            func receive() throws -> String { String(decoding: try connection.receiveAll(), as: UTF8.self) }
        }
    }
}
