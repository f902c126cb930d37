import AsyncIO
import MCP
import Testing

/// Every state a request can be in, and every event that can reach it there.
@Suite("Correlation")
struct CorrelationTests {
    /// What happened to the request before the event.
    enum State: CaseIterable { case neverSent, waiting, answered, abandoned }
    /// What happens now.
    enum Event: CaseIterable { case answer, progress, cancel, deadline, endOfServer }

    static let matrix = State.allCases.flatMap { state in Event.allCases.map { (state, $0) } }

    @Test("M05: every state × event: only a waiting request is ever found", arguments: matrix)
    func stateByEvent(state: State, event: Event) throws {
        var table = Correlation<String>()
        let id = JSONRPCID(text: Array("\"x\"".utf8))
        var number = 99
        if state != .neverSent { number = table.begin(id, progressToken: [0x37], caller: "alice") }
        if state == .answered { #expect(table.finish(number)?.caller == "alice") }
        if state == .abandoned { #expect(table.finish(where: { _ in true }).count == 1) }
        let isWaiting = state == .waiting
        switch event {
        case .answer: #expect((table.finish(number)?.id == id) == isWaiting)
        case .progress: #expect((table.progress(number)?.progressToken == [0x37]) == isWaiting)
        case .cancel: #expect((table.newest(id)?.number == number) == isWaiting)
        case .deadline: #expect(table.finish(where: { $0.number == number }).count == (isWaiting ? 1 : 0))
        case .endOfServer: #expect(table.finishAll().count == (isWaiting ? 1 : 0))
        }
        let staysOpen = isWaiting && (event == .progress || event == .cancel)
        #expect(table.count == (staysOpen ? 1 : 0))
    }

    @Test("M05: equal ids of two callers are two requests, and numbers are never used twice")
    func equalIDs() {
        var table = Correlation<String>()
        let id = JSONRPCID(text: [0x31])
        let first = table.begin(id, progressToken: nil, caller: "alice")
        let second = table.begin(id, progressToken: nil, caller: "bob")
        #expect(first != second)
        #expect(table.newest(id)?.caller == "bob")
        #expect(table.finish(second)?.caller == "bob")
        #expect(table.finish(first)?.caller == "alice")
        #expect(table.begin(id, progressToken: nil, caller: "carol") > second)
        #expect(table.progress(second + 1) == nil, "no token, no progress")
    }
}

@Suite("Questions")
struct QuestionsTests {
    static let id = JSONRPCID(text: Array("\"ask-1\"".utf8))
    static let soon = LoopInstant(nanoseconds: 100)

    enum State: CaseIterable { case neverAsked, held, sent, answered, withdrawn, expired }
    enum Event: CaseIterable { case answer, withdraw, expire, streamOpens }

    static let matrix = State.allCases.flatMap { state in Event.allCases.map { (state, $0) } }

    @Test("M06: every state × event: an answer counts once and only for a question that was sent", arguments: matrix)
    func stateByEvent(state: State, event: Event) throws {
        var questions = Questions()
        var number = 7
        if state != .neverAsked {
            let begun = questions.begin(Self.id, method: .samplingCreateMessage, deadline: Self.soon)
            number = try #require(begun)
        }
        switch state {
        case .neverAsked: break
        case .held: questions.hold(number, [1])
        case .sent: questions.sent(number, on: 3)
        case .answered:
            questions.sent(number, on: 3)
            #expect(questions.answer(number) != nil)
        case .withdrawn: #expect(questions.withdraw(Self.id) != nil)
        case .expired: #expect(questions.expire(at: Self.soon).count == 1)
        }
        let isOpen = state == .held || state == .sent
        switch event {
        case .answer: #expect((questions.answer(number)?.id == Self.id) == (state == .sent))
        case .withdraw: #expect((questions.withdraw(Self.id)?.number == number) == isOpen)
        case .expire: #expect(questions.expire(at: Self.soon).count == (isOpen ? 1 : 0))
        case .streamOpens: #expect(questions.held().map(\.number) == (state == .held ? [number] : []))
        }
    }

    @Test("B4: refusals have the server's id and the form of the method")
    func refusals() throws {
        let expected: [(MCPMethod, String)] = [
            (.elicitationCreate, #""result":{"action":"cancel"}"#), (.samplingCreateMessage, #""code":-1"#),
            (.rootsList, #""code":-32603"#), (.ping, #""result":{}"#),
        ]
        for (method, part) in expected {
            var questions = Questions()
            _ = questions.begin(Self.id, method: method, deadline: Self.soon)
            let expired = questions.expire(at: Self.soon)
            let text = String(decoding: try #require(expired.first).refusal(), as: UTF8.self)
            #expect(text.contains(part) && text.contains(#""id":"ask-1""#), "\(text)")
        }
    }

    @Test("M10: questions are bounded")
    func bound() {
        var questions = Questions()
        for _ in 0..<Questions.maximum {
            #expect(questions.begin(Self.id, method: .other, deadline: Self.soon) != nil)
        }
        #expect(questions.begin(Self.id, method: .other, deadline: Self.soon) == nil)
    }
}
