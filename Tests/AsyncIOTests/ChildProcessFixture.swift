import AsyncIO
import Foundation
import Testing

/// The built program, which is its own launcher; it lies beside the test bundle.
enum BuiltProgram {
    static let path: String? = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let path = URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("sallyport").path
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }()

    /// Makes launches use it; once.
    static let isReady: Bool = {
        guard let path else { return false }
        unsafe Launcher.executable = path
        return true
    }()
}

extension ChildProcess.Configuration {
    /// `sh -c script`.
    static func shell(_ script: String, environment: [String: String] = [:]) -> Self {
        Self(
            executable: "sh", arguments: ["-c", script],
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"].merging(environment) { $1 }, label: "test")
    }
}

extension OnLoop {
    /// All that a child writes to its output.
    func output(_ configuration: ChildProcess.Configuration) async throws -> (String, ChildProcess.ExitStatus) {
        let child = try await ChildProcess.spawn(configuration, on: loop)
        let text = try await readAll(child.standardOutput)
        let status = await child.wait()
        await child.stop()
        return (text, status)
    }

    func readAll(_ stream: ByteStream) async throws -> String {
        var bytes: [UInt8] = []
        while let more = try await stream.read() { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// What /proc says.
enum Processes {
    /// Processes (also zombies) whose arguments contain `marker`, which survives forks and `setsid`.
    static func withArgument(_ marker: String) -> [Int] {
        all.filter { pid in
            guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
            return String(decoding: data, as: UTF8.self).contains(marker)
        }
    }

    static var all: [Int] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int($0) }
    }

    /// Our own children, zombies included.
    static var children: [Int] {
        all.filter { pid in
            guard let data = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return false }
            let text = String(decoding: data, as: UTF8.self)
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            return fields.count > 2 && fields[2] == "\(getpid())"
        }
    }

    /// Open descriptors without the timers with which Swift's runtime waits: it makes them when it likes.
    static var openDescriptors: Int { descriptorTargets.count { $0 != "anon_inode:[timerfd]" } }

    /// Resident memory of this process.
    static var residentKiB: Int {
        let data = FileManager.default.contents(atPath: "/proc/self/statm") ?? Data()
        let pages = String(decoding: data, as: UTF8.self).split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return (pages ?? 0) * 4
    }

    static var descriptorTargets: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).map {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) ?? "?"
        }
    }

    /// Looks again until `condition` holds, at most `limit`.
    static func eventually(within limit: Duration = .seconds(5), _ condition: () -> Bool) async -> Bool {
        let end = ContinuousClock.now + limit
        while !condition() {
            if ContinuousClock.now > end { return false }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return true
    }
}
