import Foundation
import TestSupport
import Testing

extension EndToEnd.Crowds {
    /// A program in a control group that takes so much memory that the group stands at a share of its bound.
    private struct Hog {
        private let program: RunningProgram
        private let directory: TemporaryDirectory

        init(in group: MemoryGroup) throws {
            directory = try TemporaryDirectory("hog")
            _ = try directory.write("wanted", "0")
            let job = ["folder": group.folder, "wanted": directory.file("wanted"), "stands": directory.file("stands")]
            let argument = String(decoding: try JSONSerialization.data(withJSONObject: job), as: UTF8.self)
            let words = group.wrapper + [Checkout.python("current"), Checkout.client("memory_hog.py"), argument]
            program = try RunningProgram(words[0], Array(words.dropFirst()), logs: directory, name: "hog")
        }

        /// Waits until the group stands there.
        func hold(_ share: Double) async throws {
            try Data("\(share)".utf8).write(
                to: URL(fileURLWithPath: directory.file("wanted")), options: .atomic)
            try await eventuallyTrue("\(share) of the memory to be used: \(program.errors)", within: .seconds(30)) {
                let text = (try? String(contentsOfFile: directory.file("stands"), encoding: .utf8)) ?? ""
                return Double(text) == share
            }
        }

        func end() { program.killTree() }
    }

    @Test(
        "F19: near the bound new requests are refused, what is under way is answered, and below it they are served again",
        .enabled(if: MemoryGroup.isPossible, "no control group with a bound on memory can be made here"))
    func nearTheBound() async throws {
        let group = try #require(MemoryGroup(bytes: 256 << 20))
        let gateway = try GatewayProcess(configuration: EndToEnd.busy)
        try await gateway.start(wrapper: group.wrapper)
        try await gateway.addUser(EndToEnd.user, password: EndToEnd.password)
        let token = try await EndToEnd.logIn(gateway).tokens.access
        let session = try await EndToEnd.session(gateway, token: token)
        let hog = try Hog(in: group)
        defer { hog.end() }
        func call() async throws -> MCPAnswer {
            try await onThread { try session.call("echo", #"{"message":"hello"}"#) }
        }
        try await hog.hold(0.8)
        #expect(try await call().text == "hello")
        let slow = PlainMCP.call("progress", id: 9, #"{"steps":4,"seconds":4}"#, token: "1")
        let busy = try await onThread { try StreamBox(session.stream("POST", body: slow, timeout: 40)) }
        _ = try #require(try await onThread { try busy.next() })

        try await hog.hold(0.92)
        try await eventuallyTrue("requests to be refused") {
            try await gateway.metric("sallyport_memory_shedding") == 1
        }
        func expectRefusals() async throws {
            for _ in 0..<20 {
                let answer = try await call()
                #expect(answer.status == 503 && answer.response.header("retry-after") != nil, "\(answer.status)")
                for path in ["/live", "/ready", "/metrics"] {
                    #expect(try await gateway.request("GET", path).status == 200, "\(path)")
                }
            }
        }
        try await expectRefusals()
        let end = try await onThread {
            var last: PlainEvent?
            while let event = try busy.next() { last = event }
            return last?.data ?? ""
        }
        #expect(end.contains("done after 4 steps"), "what was taken on is answered: \(end)")
        // A little less is not enough: what is taken up again must not be refused in the next moment.
        try await hog.hold(0.875)
        try await expectRefusals()

        try await hog.hold(0.7)
        try await eventuallyTrue("requests to be served again", within: .seconds(5)) { try await call().status == 200 }
        #expect(try await gateway.metric("sallyport_memory_shedding") == 0)
        #expect(group.kills == 0)
        try await gateway.logs("memory runs out")
        hog.end()
        #expect(try await gateway.terminate() == .exited(0))
    }
}
