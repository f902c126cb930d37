import Foundation
import TestSupport

/// What the tests of the package and of the image share and make once: packages, and a Debian to put them into.
actor DebianArtifacts {
    static let shared = DebianArtifacts()

    private let folder = Checkout.root + "/.build/debian"
    private var packages: [String: String] = [:]

    /// The package by `Scripts/package-deb`, from the program under test with the Swift runtime linked into it.
    func package(version: String = "0.1.0") async throws -> String {
        if let known = packages[version] { return known }
        let linked = try await SystemCommand.need([Checkout.root + "/Scripts/static-binary"], within: .seconds(120))
        let output = try await SystemCommand.need(
            [Checkout.root + "/Scripts/package-deb", "--output", folder, "--version", version],
            environment: [
                "SALLYPORT_BINARY": linked.trimmingCharacters(in: .whitespacesAndNewlines),
                // The best compression takes longer than everything else here.
                "DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1",
            ], within: .seconds(120))
        let path = output.trimmingCharacters(in: .whitespacesAndNewlines)
        packages[version] = path
        return path
    }

    /// The folder of a minimal Debian with what the package depends on, and nothing else: what the package needs and does
    /// not name is not there. With `additions`, these too. Nobody changes it.
    func root(with additions: [String] = []) async throws -> String {
        let depends = try await SystemCommand.need(["dpkg-deb", "--field", try await package(), "Depends"])
        let names = depends.split(separator: ",").compactMap { $0.split(whereSeparator: \.isWhitespace).first }
        let list = (names.map(String.init) + additions).joined(separator: ",")
        let name = additions.isEmpty ? "root" : "root-\(additions.joined(separator: "-"))"
        let (path, stamp) = ("\(folder)/\(name)", "\(folder)/\(name).stamp")
        if (try? String(contentsOfFile: stamp, encoding: .utf8)) == list { return path }
        try await SystemCommand.need(["rm", "-rf", path], asRoot: true)
        try await SystemCommand.need(
            ["mmdebstrap", "--variant=minbase", "--mode=root", "--include=\(list)", "bookworm", path], asRoot: true,
            within: .seconds(280))
        try list.write(toFile: stamp, atomically: true, encoding: .utf8)
        return path
    }
}

/// A Debian of one test.
final class DebianRoot {
    let path: String
    private let programs = TemporaryPrograms()

    init(with additions: [String] = []) async throws {
        path = NSTemporaryDirectory() + "sallyport-root-\(UUID().uuidString.prefix(8))"
        let original = try await DebianArtifacts.shared.root(with: additions)
        try await SystemCommand.need(["cp", "-a", original, path], asRoot: true)
    }

    deinit {
        programs.end()
        // What is left of it belongs to root, and in the system's temporary space it harms nobody.
        let words = SystemCommand.rootWords(["rm", "-rf", path])
        _ = try? RunningProgram.run(
            words[0].hasPrefix("/") ? words[0] : "/usr/bin/env",
            words[0].hasPrefix("/") ? Array(words.dropFirst()) : words)
    }

    /// In namespaces of its own for mounts, so that nothing of it stays behind; processes and network are ours.
    private func words(_ command: [String]) -> [String] {
        [
            "unshare", "--mount", "--propagation", "private", "sh", "-c",
            "mount -t proc proc \"$0/proc\" && exec chroot \"$0\" \"$@\"", path,
        ] + command
    }

    /// Runs a command in it as root.
    @discardableResult
    func need(_ command: [String], input: String = "") async throws -> String {
        try await SystemCommand.need(words(command), asRoot: true, input: input)
    }

    /// The same, whatever comes of it.
    func run(_ command: [String]) async throws -> SystemCommand {
        try await SystemCommand.run(words(command), asRoot: true)
    }

    /// Installs a package, as dpkg does when nobody is there to be asked.
    @discardableResult
    func install(_ package: String) async throws -> String {
        try await SystemCommand.need(["cp", package, path + "/tmp/package.deb"], asRoot: true)
        return try await need(
            ["env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confold", "--install", "/tmp/package.deb"])
    }

    /// The words that run a command as the service's user, without privileges and ways to new ones, as the unit does.
    static func asService(_ command: [String]) -> [String] {
        ["setpriv", "--reuid=sallyport", "--regid=sallyport", "--init-groups", "--no-new-privs", "--bounding-set=-all"]
            + ["env", "HOME=/var/lib/sallyport"] + command
    }

    /// Whether systemd can be somebody's first process here: in some containers it cannot.
    static let canBoot = ["", "/unified"].contains {
        FileManager.default.isWritableFile(atPath: "/sys/fs/cgroup\($0)/cgroup.procs")
    }

    /// Boots it: systemd is its first process, with the network of this machine. Ends with this value at the latest.
    func boot() async throws -> BootedDebian {
        // What sandboxes stand on, and a container of systemd does not have.
        let landlock = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
        let program = try programs.start(
            SystemCommand.rootWords(
                [
                    "env", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1", "systemd-nspawn", "--quiet", "--register=no",
                    "--keep-unit",
                ]
                    + ["--console=read-only", "--kill-signal=SIGRTMIN+3", "--system-call-filter=\(landlock)"]
                    + ["--directory", path, "--boot"]))
        let first = try await eventually("systemd to begin; it wrote: \(program.errors)", within: .seconds(30)) {
            ProcessTable.descendants(of: program.pid).first { ProcessTable.numberInside($0) == 1 }
        }
        return BootedDebian(first: first, program: program)
    }

    /// Starts a command in it, which ends with this value at the latest.
    func start(_ command: [String]) throws -> RunningProgram {
        try programs.start(SystemCommand.rootWords(words(command)))
    }
}

/// A Debian with its own first process.
struct BootedDebian {
    /// The number of its first process here.
    let first: Int32
    let program: RunningProgram

    /// Runs a command in it as root, whatever comes of it.
    func run(_ command: [String], input: String = "", within limit: Duration = .seconds(60)) async throws
        -> SystemCommand
    {
        let words = ["nsenter", "--target", String(first), "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--"]
        return try await SystemCommand.run(words + command, asRoot: true, input: input, within: limit)
    }

    /// The same, where anything but success is the end of the test.
    @discardableResult
    func need(_ command: [String], input: String = "") async throws -> String {
        let command = try await (command, run(command, input: input))
        guard command.1.hasSucceeded else {
            throw PlainBrowser.WalkError(description: "\(command.0.joined(separator: " ")): \(command.1.text)")
        }
        return command.1.output
    }

    /// A property of the service.
    func property(_ name: String, of unit: String = "sallyport.service") async throws -> String {
        try await need(["systemctl", "show", "--value", "--property", name, unit])
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// Programs that end with whoever started them.
final class TemporaryPrograms {
    private var running: [(RunningProgram, TemporaryDirectory)] = []

    func start(_ words: [String]) throws -> RunningProgram {
        let logs = try TemporaryDirectory("program")
        let program = try RunningProgram("/usr/bin/env", words, environment: SystemCommand.variables(), logs: logs)
        running.append((program, logs))
        return program
    }

    func end() {
        for (program, _) in running { program.killTree() }
    }
}
