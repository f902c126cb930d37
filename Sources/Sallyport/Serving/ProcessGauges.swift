import AsyncIO
import Glibc
import Synchronization
import Telemetry

/// What every program tells Prometheus about its process, under the names that all of them use; and which version this is.
final class ProcessGauges: Sendable {
    /// The kernel lists the descriptors one by one: of thousands of them, and for everybody who asks, that is all that a loop
    /// has time for.
    private static let interval = Duration.seconds(1)

    private let memory = MetricsRegistry.shared.gauge(
        "process_resident_memory_bytes", help: "Resident memory size in bytes.")
    private let descriptors = MetricsRegistry.shared.gauge(
        "process_open_fds", help: "Number of open file descriptors.")
    private let descriptorLimit = MetricsRegistry.shared.gauge(
        "process_max_fds", help: "Maximum number of open file descriptors.")

    private let lookedAt = Mutex<LoopInstant?>(nil)

    /// Notes what does not change: the version, and that the process starts now.
    init(startedAt now: Timestamp) {
        MetricsRegistry.shared.gauge(
            "sallyport_build_info", help: "1, with the version of the program.", labels: [("version", Version.text)]
        ).set(1)
        MetricsRegistry.shared.gauge(
            "process_start_time_seconds", help: "Start time of the process since unix epoch in seconds."
        ).set(Int(now.millisecondsSinceEpoch / 1000))
        descriptorLimit.set(Int(DescriptorLimit.inForce))
    }

    /// Looks at the process, at most once a second; files of /proc make nobody wait.
    func refresh() {
        let now = EventLoop.preciseNow
        let isDue = lookedAt.withLock { last in
            if let last, now - last < Self.interval { return false }
            last = now
            return true
        }
        guard isDue else { return }
        // Without /proc the last figures stay.
        if let text = try? FileSystem.readFile("/proc/self/statm"),
            let pages = text.split(separator: UInt8(ascii: " ")).dropFirst().first,
            let count = Int(String(decoding: pages, as: UTF8.self))
        {
            memory.set(count * Int(sysconf(Int32(_SC_PAGESIZE))))
        }
        if let open = try? FileSystem.list("/proc/self/fd") { descriptors.set(open.count) }
    }
}
