import AsyncIO
import AuthorizationServer
import Telemetry

/// Serves what the configuration says now (F21): read again after SIGHUP and when its file changes; taken over whole, or
/// refused whole while the old one serves on.
struct ConfigurationReload: Sendable {
    /// Reads everything again; blocking.
    typealias Reading = @Sendable () throws(ConfigurationError) -> Configuration

    /// Between two looks at the file. A change counts when two of them see the same.
    private static let interval = Duration.milliseconds(250)
    /// What calls of a server get that is no longer there, or configured otherwise.
    private static let patience = Duration.seconds(10)

    private let live: LiveAssembly
    private let assembler: Assembler
    private let reading: Reading?
    private let file: String?
    private let requests: AsyncStream<Void>
    private let request: AsyncStream<Void>.Continuation
    private let metrics = ReloadMetrics()
    private let logger = Logger(label: "configuration")

    init(_ live: LiveAssembly, by assembler: Assembler) {
        self.live = live
        self.assembler = assembler
        reading = live.current.plan.reading
        file = live.current.plan.configuration.origin.file
        // Any number of requests is one: what counts is what is there then.
        (requests, request) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// SIGHUP.
    func ask() {
        guard reading != nil else {
            return logger.notice("SIGHUP has no meaning: the command line says everything")
        }
        request.yield()
    }

    /// Runs what belongs to a configuration beside the requests, and goes over to the next one, until the task is cancelled.
    func run(on loop: EventLoop) async {
        await withDiscardingTaskGroup { retirements in
            if reading != nil, let file {
                retirements.addTask(executorPreference: loop) { await watch(file, on: loop) }
            }
            var current = live.current
            while let next = await successor(of: current, on: loop) {
                let (old, new) = (current, next)
                retirements.addTask(executorPreference: loop) {
                    await old.gateway.retire(for: new.gateway, within: Self.patience)
                }
                current = next
            }
            retirements.cancelAll()
        }
    }

    /// Nil when the task is cancelled.
    private func successor(of current: Assembly, on loop: EventLoop) async -> Assembly? {
        await withTaskGroup(of: Assembly?.self) { group in
            if let service = current.service {
                group.addTask(executorPreference: loop) {
                    await service.run(on: loop)
                    return nil
                }
            }
            group.addTask(executorPreference: loop) {
                await current.gateway.run()
                return nil
            }
            if let exporter = current.exporter {
                group.addTask(executorPreference: loop) {
                    await exporter.run(on: loop)
                    return nil
                }
            }
            group.addTask(executorPreference: loop) { await next(after: current) }
            for await result in group {
                guard let result else { continue }
                group.cancelAll()
                return result
            }
            return nil
        }
    }

    private func next(after current: Assembly) async -> Assembly? {
        for await _ in requests {
            let began = EventLoop.preciseNow
            do throws(Refusal) {
                let assembly = try await take(current)
                live.replace(with: assembly)
                assembler.tls?.adopt(assembly.plan.configuration)
                metrics.accepted()
                tell(
                    ConfigurationChange(old: current.plan.configuration, new: assembly.plan.configuration), since: began
                )
                return assembly
            } catch {
                if error == .cancelled { return nil }
                metrics.refused()
                for problem in error.problems {
                    logger.error("the configuration is refused: the old one serves on", ["problem": .string(problem)])
                }
            }
        }
        return nil
    }

    private enum Refusal: Error, Equatable {
        case cancelled
        case because([String])

        var problems: [String] { if case .because(let problems) = self { problems } else { [] } }
    }

    private func take(_ current: Assembly) async throws(Refusal) -> Assembly {
        let configuration = try await read()
        let change = ConfigurationChange(old: current.plan.configuration, new: configuration)
        let fixed = change.fixedKeys
        guard fixed.isEmpty else {
            throw .because(fixed.map { "\($0): a change needs a restart of the gateway" })
        }
        var plan = current.plan
        plan.configuration = configuration
        do throws(CommandFailure) {
            return try await assembler.assemble(plan, succeeding: current)
        } catch {
            throw .because([error.message])
        }
    }

    private func read() async throws(Refusal) -> Configuration {
        guard let reading else { throw .cancelled }
        let result: Result<Configuration, ConfigurationError>
        do {
            result = try await BlockingExecutor.shared.run {
                Result { () throws(ConfigurationError) in try reading() }
            }
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw .because(["the gateway is too busy to read it"])
        }
        switch result {
        case .success(let configuration): return configuration
        case .failure(let error): throw .because(error.errors.map(\.logText))
        }
    }

    private func tell(_ change: ConfigurationChange, since began: LoopInstant) {
        LogSink.standard.configure(format: change.new.logging.format, levels: change.new.logging.levels)
        let (added, removed, changed) = change.summary
        logger.notice(
            "the configuration was read again",
            [
                "added": .string(added.joined(separator: ",")), "removed": .string(removed.joined(separator: ",")),
                "changed": .string(changed.joined(separator: ",")),
                "milliseconds": .integer(Int((EventLoop.preciseNow - began) / .milliseconds(1))),
            ])
        for notice in change.new.notices where !change.old.notices.contains(notice) {
            logger.warning("configuration", ["note": .string(notice.logText)])
        }
    }

    private func watch(_ file: String, on loop: EventLoop) async {
        var change = SettledChange(from: await version(of: file))
        while (try? await loop.sleep(for: Self.interval)) != nil {
            let seen = await version(of: file)
            guard change.isDue(seen) else { continue }
            change.settle(on: seen)
            request.yield()
        }
    }

    /// Nil where there is no file, or nobody has the time to look.
    private func version(of file: String) async -> FileSystem.Version? {
        (try? await BlockingExecutor.shared.run { FileSystem.version(of: file) }) ?? nil
    }
}

/// How it went, for whoever watches the gateway.
private struct ReloadMetrics: Sendable {
    private static func counter(_ result: String) -> Counter {
        MetricsRegistry.shared.counter(
            "sallyport_configuration_reloads_total", help: "Attempts to take over a changed configuration.",
            labels: [("result", result)])
    }

    private let taken = Self.counter("accepted")
    private let failed = Self.counter("refused")
    private let isCurrent = MetricsRegistry.shared.gauge(
        "sallyport_configuration_current", help: "Whether what is configured is what is served, 1 or 0.")

    init() { isCurrent.set(1) }

    func accepted() {
        taken.increment()
        isCurrent.set(1)
    }

    func refused() {
        failed.increment()
        isCurrent.set(0)
    }
}
