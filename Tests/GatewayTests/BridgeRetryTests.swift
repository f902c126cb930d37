import Foundation
import TestSupport
import Testing

@testable import Gateway

/// What belongs to which of the requests by which a modern client makes one call of a legacy server (c27).
@Suite("Retries of modern clients", .timeLimit(.minutes(2)))
struct BridgeRetryTests {
    private static let servers = [ServerDefinition.python("demo", Script.legacy)]

    @Test("c27, M08: a state is good once, also where its call waits again by now")
    func once() async throws {
        try await withBench(Self.servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            let first = try await client.say("again")
            let key = try #require(first.key(of: "elicitation/create"))
            let answered = first.retry([key: TaskWords.accepted])
            let second = try await client.say("again", "{}", answered)
            let roots = try #require(second.key(of: "roots/list"), "\(second.messages)")
            for used in [answered, first.retry([roots: #"{"roots":[]}"#])] {
                let replayed = try await client.say("again", "{}", used)
                #expect(replayed.errorCode == -32602 && replayed.questions.isEmpty, "\(replayed.messages)")
            }
            let done = try await client.say("again", "{}", second.retry([roots: #"{"roots":[]}"#]))
            #expect(done.text?.contains("Ada") == true, "its own is good still: \(done.messages)")
        }
    }

    @Test("B1, c29: what is reported after a retry has the token of the retry, or goes to nobody")
    func tokens() async throws {
        try await withBench(Self.servers) { bench in
            let client = bench.modern(capabilities: Bench.everything)
            for (meta, count) in [(#","progressToken":"b""#, 2), ("", 1)] {
                let asked = try await client.say("reporting", meta: #","progressToken":"a""#)
                let key = try #require(asked.key(of: "elicitation/create"))
                let done = try await client.say(
                    "reporting", "{}", asked.retry([key: TaskWords.accepted]), meta: meta)
                #expect(done.text?.contains("Ada") == true && done.messages.count == count, "\(done.messages)")
                #expect(count == 1 || done.messages.first?.contains(#""progressToken": "b""#) == true)
            }
        }
    }
}
