import CLibUV
import Glibc

/// The child of a launcher, between `fork` and `execve`.
struct StartedProgram {
    let pid: Int32
    /// Ends when `execve` succeeded; before that carries the step and `errno` that failed.
    let status: Int32

    /// Forks; the child does not return. Nil when the system has no process for us.
    static func fork(_ specification: LaunchSpecification, temporary: PrivateFolder?) -> StartedProgram? {
        // The caller reports `errno`.
        guard let pipe = try? FileDescriptor.Pair.pipe() else { return nil }
        // Memory is arranged before the fork.
        let image = ProgramImage(specification)
        let launcher = getpid()
        let confinement = Confinement(
            user: specification.user, sandbox: specification.sandbox,
            reading: specification.sandbox == nil ? [] : image.files(specification),
            writing: [specification.workingDirectory, temporary?.path].compactMap { $0 },
            launcher: launcher, gateway: getppid())
        let pid = sp_fork()
        if pid < 0 { return nil }
        if pid == 0 {
            let failure = become(specification, image, confinement, status: pipe.second.rawValue)
            let report = [failure.step.rawValue] + failure.code.bytes
            _ = unsafe report.withUnsafeBytes { unsafe Glibc.write(3, $0.baseAddress, $0.count) }
            _exit(127)
        }
        return StartedProgram(pid: pid, status: pipe.takeFirst())
    }

    /// Turns this process into the program; returns only what went wrong.
    private static func become(
        _ specification: LaunchSpecification, _ image: ProgramImage, _ confinement: Confinement, status: Int32
    ) -> (step: LauncherMessage.Step, code: Int32) {
        setsid()
        // If the launcher is killed, so is the program; and if it died before that call, now.
        sp_die_with_parent()
        if getppid() != confinement.launcher { _exit(127) }
        // Exactly 0, 1 and 2 reach the program: 3 is the status pipe, which closes itself on execve.
        if status != 3 {
            dup2(status, 3)
            sp_set_cloexec(3, 1)
        }
        sp_close_from(4)
        sp_reset_signals()
        if let code = specification.group?.enter(), code != 0 { return (.group, code) }
        if let folder = specification.workingDirectory, unsafe chdir(folder) != 0 { return (.folder, errno) }
        sp_set_soft_limit(sp_RLIMIT_NOFILE, specification.softOpenFiles)
        if let code = apply(specification.limits) { return (.limits, code) }
        preferAsVictim()
        if let failure = confinement.enforce() { return failure }
        return (.execute, image.execute())
    }

    private static func apply(_ limits: ChildProcess.Limits) -> Int32? {
        let wanted: [(Int32, UInt64?)] = [
            (sp_RLIMIT_CORE, 0), (sp_RLIMIT_DATA, limits.memory), (sp_RLIMIT_NPROC, limits.processes),
            (sp_RLIMIT_NOFILE, limits.openFiles), (sp_RLIMIT_CPU, limits.cpuSeconds),
            (sp_RLIMIT_FSIZE, limits.fileSize),
        ]
        for case (let resource, let value?) in wanted where sp_set_limit(resource, value) != 0 { return errno }
        return nil
    }

    /// When memory runs out the kernel shall take the program before the gateway. Not worth a failure.
    private static func preferAsVictim() {
        let file = unsafe sp_open("/proc/self/oom_score_adj", O_WRONLY, 0)
        guard file >= 0 else { return }
        _ = unsafe Glibc.write(file, "300", 3)
        _ = Glibc.close(file)
    }
}

extension Int32 {
    /// Little-endian.
    fileprivate var bytes: [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: UInt32(bitPattern: self) >> (8 * UInt32($0))) }
    }
}

/// Arguments, environment and candidate paths in the form that `execve` takes. Lives until the process ends.
@safe struct ProgramImage {
    private let candidates: [String]
    private let arguments: [UnsafeMutablePointer<CChar>?]
    private let environment: [UnsafeMutablePointer<CChar>?]

    init(_ specification: LaunchSpecification) {
        candidates = Self.candidates(specification)
        unsafe arguments = ([specification.executable] + specification.arguments).map { unsafe strdup($0) } + [nil]
        unsafe environment = specification.environment.map { unsafe strdup($0) } + [nil]
    }

    /// The paths to try: the one given, or the name in each absolute folder of the child's `PATH`.
    static func candidates(_ specification: LaunchSpecification) -> [String] {
        let name = specification.executable
        if name.utf8.contains(UInt8(ascii: "/")) { return [name] }
        return searchPath(specification).map { "\($0)/\(name)" }
    }

    private static func searchPath(_ specification: LaunchSpecification) -> [String] {
        let path = specification.environment.first { $0.utf8.starts(with: "PATH=".utf8) }
            .map { String($0.dropFirst(5)) }
        // A relative folder in PATH would let the working directory choose the program.
        return (path ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":").filter {
            $0.utf8.first == UInt8(ascii: "/")
        }
        .map { String($0) }
    }

    /// What the program needs to read of its own.
    func files(_ specification: LaunchSpecification) -> [String] {
        ProgramFiles(candidates: candidates, searchPath: Self.searchPath(specification)).paths
    }

    /// Returns only on failure, with the most telling `errno`.
    func execute() -> Int32 {
        var result = ENOENT
        for candidate in candidates {
            unsafe arguments.withUnsafeBufferPointer { arguments in
                unsafe environment.withUnsafeBufferPointer { environment in
                    guard let arguments = arguments.baseAddress, let environment = environment.baseAddress
                    else { return }
                    _ = unsafe execve(candidate, arguments, environment)
                }
            }
            let code = errno
            if code != ENOENT, code != ENOTDIR {
                result = code
                if code != EACCES { break }
            }
        }
        return result
    }
}
