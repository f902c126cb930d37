import Foundation
import TestSupport
import Testing

@testable import AsyncIO

/// What a confined child can do, on the kernel that runs the test; without Landlock nothing of this is checked, which the
/// report of the run says.
@Suite(
    .timeLimit(.minutes(3)), .enabled(if: BuiltProgram.isReady),
    .enabled(if: ChildProcess.Sandbox.obstacle == nil, "this machine cannot enforce a sandbox"))
struct SandboxTests {
    /// What each attempt gave, made one after the other by one child.
    static func outcomes(
        _ attempts: [String], _ sandbox: ChildProcess.Sandbox?, user: SystemUser? = nil, directory: String? = nil,
        environment: [String: String] = [:]
    ) async throws -> [String: String] {
        var configuration = ChildProcess.Configuration(
            executable: "/usr/bin/python3", arguments: [Checkout.client("attempts.py")] + attempts,
            environment: ["PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"].merging(environment) { $1 },
            workingDirectory: directory, label: "test")
        configuration.sandbox = sandbox
        configuration.sandbox?.read.append(Checkout.client("attempts.py"))
        configuration.user = user
        let (text, _) = try await withGroup(1) { group in
            try await OnLoop(group.loops[0]).output(configuration)
        }
        return Dictionary(
            text.split(separator: "\n").map { line in
                let parts = line.split(separator: ": ", maxSplits: 1)
                return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
            }, uniquingKeysWith: { $1 })
    }

    @Test("P09: of the file system a confined child reaches what it was given, and nothing else")
    func files() async throws {
        let folder = try TemporaryDirectory("sandbox")
        let (given, notes) = (try folder.makeFolder("given"), try folder.makeFolder("notes"))
        for name in ["secret", "given/text", "notes/old"] { try folder.write(name, "content") }
        let forbidden = [
            "read=\(folder.file("secret"))", "write=\(folder.file("secret"))", "truncate=\(folder.file("secret"))",
            "truncate-reading=\(folder.file("secret"))", "remove=\(folder.file("secret"))", "list=\(folder.path)",
            "folder=\(folder.file("new"))", "write=\(given)/text", "write=\(given)/new", "truncate=\(given)/text",
            "truncate-reading=\(given)/text", "remove=\(given)/text", "read=/etc/passwd", "read=/proc/1/cmdline",
            "read=/proc/\(getpid())/status", "list=/proc", "list=/tmp", "list=/dev", "write=/usr/new",
            "device=\(notes)/device",
        ]
        let allowed = [
            "read=\(given)/text", "list=\(given)", "read=\(notes)/old", "write=\(notes)/old", "write=\(notes)/new",
            "remove=\(notes)/new", "folder=\(notes)/folder", "unix=\(notes)/socket", "truncate=\(notes)/old",
            "write=/dev/null", "read=/dev/urandom", "read=/proc/cpuinfo", "spawn=2", "exec=/bin/true", "pair",
        ]
        let seen = try await Self.outcomes(forbidden + allowed, .init(read: [given], write: [notes]))
        for attempt in forbidden {
            #expect(["EACCES", "EPERM"].contains(seen[attempt] ?? ""), "\(attempt): \(seen[attempt] ?? "")")
        }
        for attempt in allowed { #expect(seen[attempt] == "ok", "\(attempt): \(seen[attempt] ?? "")") }
        #expect(try String(contentsOfFile: folder.file("secret"), encoding: .utf8) == "content")
        // Each of these is possible without a sandbox, or the test would show nothing.
        let open = try await Self.outcomes(
            ["read=\(folder.file("secret"))", "read=/proc/\(getpid())/status", "list=/tmp", "truncate=\(given)/text"],
            nil)
        #expect(open.values.allSatisfy { $0 == "ok" }, "\(open)")
    }

    @Test("P09: a confined child cannot look into, signal or slow other processes of its account")
    func processes() async throws {
        let attempts = ["signal", "trace", "peek", "limit"].map { "\($0)=\(getpid())" }
        for network in [false, true] {
            let seen = try await Self.outcomes(
                attempts + ["namespace", "ring", "mount=/tmp", "capabilities", "read=/proc/\(getpid())/environ"],
                .init(read: ["/proc"], network: network))
            for attempt in attempts + ["namespace", "mount=/tmp"] {
                #expect(seen[attempt] == "EPERM", "\(attempt): \(seen[attempt] ?? "")")
            }
            #expect(seen["ring"] == "ENOSYS")
            #expect(seen["capabilities"] == "0000000000000000")
            #expect(seen["read=/proc/\(getpid())/environ"] == "EACCES", "also where /proc may be read")
        }
        let open = try await Self.outcomes(attempts, nil)
        #expect(open["signal=\(getpid())"] == "ok")
    }

    @Test("P09: without network there are unix sockets and no others")
    func network() async throws {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(server) }
        #expect(listen(server, 4) == 0)
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(server, $0, &length) }
        }
        let port = UInt16(bigEndian: address.sin_port)
        // IPv4, IPv6, netlink, packets, the kernel's cryptography.
        let families = ["family=2", "family=10", "family=16", "family=38"]
        let alone = try await Self.outcomes(families + ["connect=\(port)", "listen", "pair"], .init())
        for attempt in families + ["connect=\(port)", "listen"] {
            #expect(alone[attempt] == "EACCES", "\(attempt): \(alone[attempt] ?? "")")
        }
        #expect(alone["pair"] == "ok")
        let connected = try await Self.outcomes(
            ["connect=\(port)", "listen", "read=/etc/passwd"], .init(network: true))
        #expect(connected == ["connect=\(port)": "ok", "listen": "ok", "read=/etc/passwd": "EACCES"])
    }

    @Test(
        "P09: an abstract socket of somebody else is out of reach",
        .enabled(if: Landlock.version >= 6, "needs Landlock 6"))
    func abstractSockets() async throws {
        let name = "sallyport-test-\(getpid())"
        let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(server) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let text = Array(name.utf8)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0[1...].copyBytes(from: text) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + text.count)
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe bind(server, $0, length) }
        }
        #expect(bound == 0 && listen(server, 4) == 0)
        #expect(try await Self.outcomes(["abstract=\(name)"], nil) == ["abstract=\(name)": "ok"])
        #expect(try await Self.outcomes(["abstract=\(name)"], .init()) == ["abstract=\(name)": "EPERM"])
    }

    @Test("a confined child has a folder of its own for temporary files, which goes with it")
    func temporaryFolder() async throws {
        let attempts = ["place", "variable=TMPDIR", "variable=HOME", "write=new", "folder=below", "write=below/file"]
        let seen = try await Self.outcomes(attempts, .init())
        let folder = try #require(seen["place"])
        #expect(seen["variable=TMPDIR"] == folder && seen["variable=HOME"] == folder)
        #expect(seen["write=new"] == "ok" && seen["write=below/file"] == "ok")
        #expect(folder.contains("/sallyport-child."))
        #expect(!FileManager.default.fileExists(atPath: folder))
        let named = try await Self.outcomes(
            ["place", "variable=TMPDIR", "variable=HOME", "write=new"], .init(), directory: "/",
            environment: ["HOME": "/somewhere"])
        #expect(named["place"] == "/" && named["variable=HOME"] == "/somewhere")
    }

    @Test("removing such a folder follows no link")
    func linksStay() async throws {
        let folder = try TemporaryDirectory("sandbox")
        try folder.makeFolder("kept")
        try folder.write("kept/file", "content")
        let temporary = try PrivateFolder(below: folder.path, mark: "1.1.1.", owner: nil)
        let files = FileManager.default
        try files.createSymbolicLink(atPath: "\(temporary.path)/link", withDestinationPath: folder.file("kept"))
        try files.createDirectory(atPath: "\(temporary.path)/a/b/c", withIntermediateDirectories: true)
        try files.createSymbolicLink(atPath: "\(temporary.path)/a/b/up", withDestinationPath: "../../..")
        temporary.remove()
        #expect(try files.contentsOfDirectory(atPath: folder.path) == ["kept"])
        #expect(files.fileExists(atPath: folder.file("kept/file")))
    }

    @Test("what a killed gateway left is removed, and nothing of one that lives")
    func abandonedFolders() throws {
        let folder = try TemporaryDirectory("sandbox")
        let own = try #require(ProcessMark.own)
        let gone = ProcessMark(process: own.process, beginning: "1", namespace: own.namespace)
        let foreign = ProcessMark(process: own.process, beginning: "1", namespace: 1)
        for mark in [own, gone, foreign] { _ = try PrivateFolder(below: folder.path, mark: mark.text, owner: nil) }
        try folder.makeFolder("sallyport-child.something-else")
        PrivateFolder.removeAbandoned(below: folder.path)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(left.count == 3 && !left.contains { $0.contains(gone.text) }, "\(left)")
    }

    /// Kernels that know less, played by rules that use less of this one.
    @Test("P09: older kernels: the filter makes up for what their Landlock lacks", arguments: 1...Landlock.version)
    func olderKernels(version: Int32) async throws {
        let folder = try TemporaryDirectory("sandbox")
        let (secret, given) = (try folder.write("secret", "content"), try folder.makeFolder("given"))
        let text = try folder.write("given/text", "content")
        let results = Shared<[String: Int32]>([:])
        // The rules hold for one thread, which ends.
        let thread = Thread {
            var seen: [String: Int32] = [:]
            func note(_ name: String, _ result: Int32) {
                seen[name] = result < 0 ? errno : 0
                if result > 2 { close(result) }
            }
            do {
                let rules = try Landlock(version: version, network: false)
                try rules.allowReading(given)
                try rules.allowReading("/usr")
                let filter = SystemCallFilter(network: false, landlock: version, protected: [getppid()])
                try rules.enforce()
                try filter.install()
            } catch {
                results.change { $0 = ["failed": 1] }
                return
            }
            note("read the given", unsafe open(text, O_RDONLY))
            note("read", unsafe open(secret, O_RDONLY))
            note("write", unsafe open(text, O_WRONLY))
            note("truncate", unsafe truncate(secret, 0))
            note("truncate the given", unsafe truncate(text, 0))
            note("open and truncate", unsafe open(text, O_RDONLY | O_TRUNC))
            note("signal", kill(getppid(), 0))
            note("socket", socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
            note("unix socket", socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
            results.change { $0 = seen }
        }
        thread.start()
        #expect(await Processes.eventually { !results.value.isEmpty })
        let seen = results.value
        #expect(seen["read the given"] == 0 && seen["unix socket"] == 0, "\(seen)")
        for name in ["read", "write", "truncate", "truncate the given", "open and truncate", "socket"] {
            #expect(seen[name] == EACCES, "\(name): \(seen[name] ?? -1)")
        }
        #expect(seen["signal"] == EPERM)
        #expect(try String(contentsOfFile: text, encoding: .utf8) == "content")
    }

    @Test("P06, P09: a child can run as another account", .enabled(if: geteuid() == 0, "only root can change accounts"))
    func otherUser() async throws {
        let nobody = try #require(SystemUser.named("nobody"))
        let folder = try TemporaryDirectory("sandbox")
        let secret = try folder.write("secret", "content")
        let attempts = ["user", "read=\(secret)", "signal=\(getpid())", "read=/etc/passwd", "capabilities"]
        // The checkout may lie where other accounts may not go.
        let script = "/usr/bin/python3"
        #expect(FileManager.default.isExecutableFile(atPath: script))
        for sandbox in [nil, ChildProcess.Sandbox(read: ["/proc/self"])] {
            let copy = try FileSystem.makeTemporaryDirectory()
            defer { try? FileSystem.removeTree(copy) }
            _ = unsafe chmod(copy, 0o755)
            try FileManager.default.copyItem(atPath: Checkout.client("attempts.py"), toPath: "\(copy)/attempts.py")
            _ = unsafe chmod("\(copy)/attempts.py", 0o644)
            var configuration = ChildProcess.Configuration(
                executable: script, arguments: ["\(copy)/attempts.py"] + attempts,
                environment: ["PATH": "/usr/bin:/bin"], workingDirectory: sandbox == nil ? "/" : nil)
            configuration.user = nobody
            configuration.sandbox = sandbox
            configuration.sandbox?.read.append(copy)
            let (text, _) = try await withGroup(1) { group in
                try await OnLoop(group.loops[0]).output(configuration)
            }
            #expect(text.contains("user: \(nobody.number) \(nobody.group)"), "\(text)")
            #expect(text.contains("read=\(secret): EACCES"), "\(text)")
            #expect(text.contains("signal=\(getpid()): EPERM"), "\(text)")
            #expect(text.contains("read=/etc/passwd: \(sandbox == nil ? "ok" : "EACCES")"), "\(text)")
            #expect(sandbox != nil || text.contains("capabilities: 0000000000000000"), "\(text)")
        }
    }

    @Test(
        "P07: a child of another account dies with its launcher too",
        .enabled(if: geteuid() == 0, "only root can change accounts"))
    func otherUserDiesWithTheLauncher() async {
        await #expect(processExitsWith: .success) {
            #expect(BuiltProgram.isReady)
            try await withGroup(1) { group in
                let mark = ProcessTreeTests.mark(86409)
                var configuration = ChildProcess.Configuration.shell("exec sleep \(mark)")
                configuration.user = SystemUser.named("nobody")
                configuration.workingDirectory = "/"
                let child = try await ChildProcess.spawn(configuration, on: group.loops[0])
                for launcher in Processes.children { kill(pid_t(launcher), SIGKILL) }
                #expect(await child.wait() == .lost)
                #expect(await Processes.eventually(within: .seconds(3)) { Processes.withArgument(mark).isEmpty })
                await child.stop()
            }
        }
    }
}

/// What needs no kernel.
struct LaunchSpecificationTests {
    @Test func everythingTravels() throws {
        var specification = LaunchSpecification(
            executable: "x", workingDirectory: nil, limits: .init(memory: 5), softOpenFiles: 7, arguments: ["", "a"],
            environment: ["A=", "B=c"])
        #expect(LaunchSpecification(parsing: try #require(specification.serialized())) == specification)
        specification.sandbox = .init(read: ["/a", "/b"], write: [], network: false)
        specification.user = .init(user: 1, group: 2, groups: [3, 4])
        specification.group = ControlGroup(folders: [
            .init(
                path: "/g",
                settings: [.init(file: "pids.max", value: "5"), .init(file: "x", value: "", isOptional: true)]),
            .init(path: "/h"),
        ])
        specification.mark = "1.2.3."
        specification.temporaryFolder = "/var/tmp"
        let bytes = try #require(specification.serialized())
        #expect(LaunchSpecification(parsing: bytes) == specification)
        specification.sandbox?.network = true
        #expect(LaunchSpecification(parsing: try #require(specification.serialized()))?.sandbox?.network == true)
        // Nothing shorter is taken for a whole one: half a sandbox would be none.
        for length in 0..<bytes.count { #expect(LaunchSpecification(parsing: Array(bytes.prefix(length))) == nil) }
    }

    @Test func programsBringTheirSurroundings() throws {
        let folder = try TemporaryDirectory("program")
        for name in ["env/bin", "env/lib", "base/bin", "base/lib", "app/node_modules/.bin", "app/node_modules/x/bin"] {
            try folder.makeFolder(name)
        }
        try folder.write("env/pyvenv.cfg", "include = no\nhome = \(folder.file("base/bin"))\n")
        try folder.write("env/bin/tool", "#!\(folder.file("env/bin/python"))\n", mode: 0o755)
        try folder.write("env/bin/python", "", mode: 0o755)
        try folder.write("app/node_modules/x/bin/cli.js", "#!/usr/bin/env -S python3 -u\n", mode: 0o755)
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("app/node_modules/.bin/x"), withDestinationPath: "../x/bin/cli.js")
        let python = ProgramFiles(candidates: ["/nowhere", folder.file("env/bin/tool")], searchPath: [])
        for path in ["env", "env/bin/python", "base/bin", "base/lib"] {
            #expect(python.paths.contains(folder.file(path)), "\(path)")
        }
        #expect(!python.paths.contains(folder.path) && !python.paths.contains(folder.file("base")))
        let node = ProgramFiles(
            candidates: [folder.file("app/node_modules/.bin/x")], searchPath: ["/nowhere", "/usr/bin"])
        #expect(node.paths.contains(folder.file("app/node_modules")))
        #expect(node.paths.contains("/usr/bin/python3") && node.paths.contains("/usr/bin/env"))
        #expect(!node.paths.contains(folder.file("app")))
    }
}
