import Crypto
import MCP
import Synchronization
import Telemetry

/// Which definitions of one server's tools count as approved, for all connections to it.
///
/// A lock: connections are on any loop. What a connection sees is told here at once and written to the ledger by ``PinBooks``,
/// which also brings here what operators decide.
final class PinBook: Sendable {
    private static let maximumTools = ToolSighting.maximumTools
    /// Longest name that can be approved.
    private static let maximumName = 256
    /// Changes of one tool that are told; a server that goes on changing has been told about often enough.
    private static let maximumTold = 8

    private struct State {
        var approved: [[UInt8]: Digest] = [:]
        /// What was seen of each tool last.
        var seen: [[UInt8]: Digest] = [:]
        /// What the ledger has been given since it was read.
        var noted: [[UInt8]: Digest] = [:]
        var told: [[UInt8]: Set<Digest>] = [:]
        var sightings: [ToolSighting] = []
        var watchers: [Int: @Sendable () -> Void] = [:]
        var lastWatcher = 0
        var isFull = false
    }

    /// What an operator is to hear about.
    private struct News {
        let tool: [UInt8]
        let approved: Digest?
        let seen: Digest
    }

    let server: String
    let mode: PinMode
    private let state = Mutex(State())
    private let audit: any AuditLog
    private let clock: WallClock
    private let changes: Counter
    private let unapproved: Gauge
    private let logger: Logger

    init(server: String, mode: PinMode, audit: any AuditLog, clock: WallClock, metrics: MetricsRegistry) {
        self.server = server
        self.mode = mode
        self.audit = audit
        self.clock = clock
        changes = metrics.counter(
            "sallyport_tool_changes_total", help: "Definitions of tools that differ from the approved ones.",
            labels: [("server", server)])
        unapproved = metrics.gauge(
            "sallyport_tools_unapproved", help: "Tools whose definition, as seen last, is not approved.",
            labels: [("server", server)])
        logger = Logger(label: "gateway").with(["server": .string(server)])
    }

    /// Whether clients may be shown this definition, and may call what has it.
    func permits(_ name: [UInt8], _ digest: Digest) -> Bool {
        mode != .enforce || state.withLock { $0.approved[name] == digest }
    }

    /// A server said this.
    func saw(_ definitions: [ToolDefinition]) {
        let (news, isOverfull) = state.withLock { state in
            var news: [News] = []
            let wasFull = state.isFull
            for definition in definitions { saw(definition, &state, &news) }
            count(state)
            return (news, state.isFull && !wasFull)
        }
        for item in news { tell(item) }
        if isOverfull {
            logger.warning(
                "a server has more tools, or tools with longer names, than can be approved",
                ["tools": .integer(Self.maximumTools), "bytes": .integer(Self.maximumName)])
        }
    }

    private func saw(_ definition: ToolDefinition, _ state: inout State, _ news: inout [News]) {
        let (name, digest) = (definition.name, definition.digest)
        guard name.count <= Self.maximumName, state.seen[name] != nil || state.seen.count < Self.maximumTools else {
            state.isFull = true
            return
        }
        state.seen[name] = digest
        if state.noted[name] != digest, state.sightings.count < 2 * Self.maximumTools {
            state.noted[name] = digest
            state.sightings.append(
                ToolSighting(server: server, definition: definition, trustsFirst: mode == .report))
        }
        let approved = state.approved[name]
        guard approved != digest else { return }
        if approved == nil, mode == .report {
            // Two connections may see two things before the ledger is asked.
            state.approved[name] = digest
            return
        }
        let told = state.told[name, default: []]
        guard !told.contains(digest), told.count < Self.maximumTold else { return }
        state.told[name, default: []].insert(digest)
        news.append(News(tool: name, approved: approved, seen: digest))
    }

    private func count(_ state: State) {
        unapproved.set(state.seen.count { state.approved[$0.key] != $0.value })
    }

    private func tell(_ news: News) {
        let tool = String(decoding: news.tool, as: UTF8.self)
        guard let approved = news.approved else {
            return logger.notice(
                "a tool waits for approval", ["tool": .string(tool), "digest": .string(news.seen.hexadecimal)])
        }
        changes.increment()
        logger.warning(
            "a server changed the definition of a tool",
            [
                "tool": .string(tool), "approved": .string(approved.hexadecimal),
                "digest": .string(news.seen.hexadecimal), "withheld": .boolean(mode == .enforce),
            ])
        audit.record(
            AuditEvent(
                time: clock.now(), action: .toolChanged, outcome: mode == .enforce ? .denied : .success,
                server: server, tool: tool,
                detail: [("approved", approved.hexadecimal), ("digest", news.seen.hexadecimal)]))
    }

    // MARK: The ledger

    /// What is to be written down.
    func takeSightings() -> [ToolSighting] {
        state.withLock { state in
            defer { state.sightings = [] }
            return state.sightings
        }
    }

    /// These could not be written down.
    func giveBack(_ sightings: [ToolSighting]) {
        state.withLock { state in state.sightings = sightings + state.sightings }
    }

    /// The ledger says so; connections hear of it where it is something else than before.
    func load(_ approved: [[UInt8]: Digest]) {
        let watchers = state.withLock { state -> [@Sendable () -> Void] in
            // Operators may have taken things out, which are news when they are seen again.
            state.noted = [:]
            guard state.approved != approved else { return [] }
            let before = state.approved
            state.told = state.told.filter { approved[$0.key] != nil && approved[$0.key] == before[$0.key] }
            state.approved = approved
            count(state)
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher() }
    }

    /// Calls `changed`, on any thread, when other definitions count as approved. The number is for ``unwatch(_:)``.
    func watch(_ changed: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = changed
            return state.lastWatcher
        }
    }

    func unwatch(_ number: Int) { state.withLock { _ = $0.watchers.removeValue(forKey: number) } }
}
