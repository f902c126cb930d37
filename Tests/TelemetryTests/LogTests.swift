import JSON
import Synchronization
import Telemetry
import Testing

@Suite struct LogTests {
    static func lines(_ body: (Logger) -> Void, level: LogLevel = .trace) -> [LogLine] {
        final class Box: Sendable { let lines = Mutex<[LogLine]>([]) }
        let box = Box()
        body(Logger(label: "test", sink: LogSink(level: level) { line in box.lines.withLock { $0.append(line) } }))
        return box.lines.withLock { $0 }
    }

    @Test(
        "O01: one event is one line, whatever a peer sends",
        arguments: [
            "a\r\nb", "\u{1B}[31mred", "\u{202E}txt.exe", "nul\0", "\u{2028}next", "\u{85}", "x=\"y\"", "\u{FEFF}",
        ])
    func foreignText(text: String) throws {
        let line = try #require(Self.lines { $0.info("event", ["value": .string(text)]) }.first)
        let now = Timestamp(millisecondsSinceEpoch: 0)
        for written in [line.json(at: now), line.text(at: now)] {
            #expect(written.filter { $0 == 0x0A }.count == 1)
            #expect(written.last == 0x0A)
            #expect(!written.contains(0x1B) && !written.contains(0x0D) && !written.contains(0))
            #expect(!String(decoding: written, as: UTF8.self).unicodeScalars.contains("\u{202E}"))
        }
        let document = try JSONDocument(parsing: line.json(at: now).dropLast())
        #expect(document.root["message"]?.string == "event")
    }

    @Test("O01: a value takes at most 1 KiB")
    func longText() {
        #expect(LogText.sanitized(String(repeating: "é", count: 5000)).utf8.count <= LogText.limit + 3)
    }

    @Test func metadataOfTheLoggerStandsOnEveryLine() {
        let lines = Self.lines { logger in
            let logger = logger.with(["request_id": "r1", "a": 1])
            logger.info("one")
            logger.info("two", ["a": 2])
        }
        #expect(lines.map { $0.metadata["request_id"] } == ["r1", "r1"])
        #expect(lines[1].metadata["a"] == 2)
    }

    @Test func linesBelowTheLevelAreNotBuilt() {
        var built = false
        let lines = Self.lines(
            { logger in
                logger.debug(
                    "quiet",
                    {
                        built = true
                        return [:]
                    }())
            }, level: .info)
        #expect(lines.isEmpty && !built)
    }
}
