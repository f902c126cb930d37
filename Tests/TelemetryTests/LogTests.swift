import Foundation
import Glibc
import JSON
import Synchronization
import Telemetry
import TestSupport
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
            "\u{9B}31m", "\u{2066}a\u{2069}", "\u{E0041}", "\u{7F}\u{8}", "{\"level\":\"error\"}",
            "\u{1B}]0;title\u{7}",
        ])
    func foreignText(text: String) throws {
        let line = try #require(Self.lines { $0.info("event", ["value": .string(text)]) }.first)
        let now = Timestamp(millisecondsSinceEpoch: 0)
        for written in [line.json(at: now), line.text(at: now)] {
            #expect(written.filter { $0 == 0x0A }.count == 1)
            #expect(written.last == 0x0A)
            let scalars = String(decoding: written.dropLast(), as: UTF8.self).unicodeScalars
            // Categories of Unicode, not our own list: no control, format, or separator character gets through.
            #expect(
                !scalars.contains {
                    [.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
                })
        }
        let document = try JSONDocument(parsing: line.json(at: now).dropLast())
        #expect(document.root["message"]?.string == "event")
    }

    @Test("O01: a value takes at most 1 KiB")
    func longText() {
        #expect(LogText.sanitized(String(repeating: "é", count: 5000)).utf8.count <= LogText.limit + 3)
    }

    @Test("O01: text for a terminal keeps its lines, and nothing that the terminal would obey")
    func readableText() {
        #expect(LogText.readable("a\tb\nc") == "a\tb\nc")
        #expect(LogText.readable("\u{1B}[2Jx\r\u{202E}y\u{9B}z\u{7}") == "\\u{1b}[2Jx\\u{d}\\u{202e}y\\u{9b}z\\u{7}")
        let long = String(repeating: "é\n", count: 5000)
        #expect(LogText.readable(long) == long, "nothing is cut off")
    }

    @Test(
        "a module has a level of its own, also for loggers that are there when it changes, and what is off costs nothing"
    )
    func modules() {
        final class Box: Sendable { let lines = Mutex<[String]>([]) }
        let box = Box()
        let sink = LogSink(level: .info) { line in box.lines.withLock { $0.append("\(line.label) \(line.message)") } }
        let gateway = Logger(label: "gateway", sink: sink).with(["server": "x"])
        let others = [Logger(label: "http", sink: sink), Logger(label: "nobody", sink: sink)]
        func written(_ body: () -> Void) -> [String] {
            body()
            return box.lines.withLock { lines in
                defer { lines = [] }
                return lines
            }
        }
        func say() {
            for logger in [gateway] + others {
                logger.debug("fine")
                logger.warning("coarse")
            }
        }
        #expect(written(say) == ["gateway coarse", "http coarse", "nobody coarse"])
        sink.configure(format: .json, levels: LogLevels(.error, modules: [.gateway: .debug, .http: .warning]))
        #expect(written(say) == ["gateway fine", "gateway coarse", "http coarse"])
        #expect(gateway.isEnabled(.debug) && !others[0].isEnabled(.debug) && !others[1].isEnabled(.warning))
        #expect(written { Logger(label: "gateway", sink: sink).debug("new") } == ["gateway new"])
        // One that says less than the others, and modules whose first line comes now.
        sink.configure(format: .json, levels: LogLevels(.info, modules: [.gateway: .error, .redis: .trace]))
        #expect(written(say) == ["http coarse", "nobody coarse"])
        #expect(written { Logger(label: "redis", sink: sink).trace("first") } == ["redis first"])
        #expect(written { Logger(label: "tls", sink: sink).debug("first") }.isEmpty)
        sink.configure(format: .json, levels: LogLevels(.warning))
        #expect(written(say) == ["gateway coarse", "http coarse", "nobody coarse"])
        func metadata() -> LogMetadata {
            Issue.record("made for a line that is not written")
            return [:]
        }
        gateway.debug("off", metadata())
    }

    @Test("every module that can be named is one that writes, and the other way round")
    func names() throws {
        // Of commands, which end at once and take no such settings.
        let commands: Set = ["key", "remote", "restore", "token", "user"]
        let folder = URL(fileURLWithPath: Checkout.root + "/Sources")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var found: Set<String> = []
        for case let file as URL in try #require(files) where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for part in text.components(separatedBy: "Logger(label: \"").dropFirst() {
                found.insert(part.components(separatedBy: "\"")[0])
            }
        }
        #expect(found.subtracting(commands) == Set(LogModule.allCases.map(\.rawValue)))
    }

    @Test("A full pipe stalls nobody, and what was lost is told", .timeLimit(.minutes(1)))
    func fullPipe() async throws {
        var ends: [Int32] = [0, 0]
        #expect(unsafe pipe(&ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        // The sink's thread writes to it as long as the process lives, so it stays open.
        defer { close(reading) }
        let sink = LogSink(descriptor: writing, capacity: 64 << 10)
        let logger = Logger(label: "test", sink: sink)
        let padding = String(repeating: "x", count: 1000)
        let began = ContinuousClock.now
        for number in 0..<300 { logger.info("line", ["number": .integer(number), "padding": .string(padding)]) }
        #expect(ContinuousClock.now - began < .seconds(20))
        let text = try await onThread {
            var text: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            var hasLogged = false
            while !text.suffix(600).split(separator: 0x0A).contains(where: { $0.contains("last one".utf8) }) {
                var waiting = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
                if unsafe poll(&waiting, 1, 300) == 0 {
                    // How much got through depends on when the thread began; all of it has come when nothing more does.
                    // The next line through is preceded by the count of those lost.
                    if hasLogged { break }
                    sink.flush()
                    hasLogged = true
                    logger.info("last one")
                    sink.flush()
                    continue
                }
                let count = unsafe read(reading, &buffer, buffer.count)
                guard count > 0 else { break }
                text += buffer.prefix(count)
            }
            return text
        }
        let lines = try text.split(separator: 0x0A).map { try JSONDocument(parsing: Array($0)).root }
        let lost = lines.filter { $0["message"]?.equals("log lines dropped") == true }.compactMap {
            $0["count"]?.integer
        }
        #expect(lost.reduce(0, +) > 0)
        let metrics = String(decoding: MetricsRegistry.shared.prometheusText(), as: UTF8.self)
        #expect(metrics.contains("sallyport_log_lines_dropped_total \(lost.reduce(0, +))\n"))
        #expect(Int64(lines.filter { $0["number"] != nil }.count) + lost.reduce(0, +) == 300)
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
