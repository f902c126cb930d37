import AsyncIO
import OAuth

/// The program of a server as it is configured: every process of it is started here, with the same limits, account, sandbox
/// and environment.
struct ServerProgram: Sendable {
    private let server: ServerDefinition
    private let environment: [String: String]
    private let scratch: String?
    private let metrics: ProcessMetrics

    init(_ server: ServerDefinition, _ configuration: GatewayConfiguration) {
        self.server = server
        environment = server.childEnvironment(from: configuration.inheritedEnvironment)
        scratch = configuration.scratchDirectory
        metrics = ProcessMetrics(server: server.name, in: configuration.metrics)
    }

    /// Starts a process, for `principal` where it serves one user.
    func spawn(
        for principal: Principal? = nil, on loop: EventLoop
    ) async throws(ChildProcess.SpawnError) -> ChildProcess {
        let identity = server.isolation == .user ? principal.map { Self.identity(of: $0) } ?? [:] : [:]
        var configuration = ChildProcess.Configuration(
            executable: server.command, arguments: server.arguments,
            environment: environment.merging(identity) { $1 },
            workingDirectory: server.workingDirectory, limits: server.limits, label: server.name)
        configuration.sandbox = server.sandbox
        configuration.user = server.user
        let home = try await privateFolder()
        if configuration.workingDirectory == nil { configuration.workingDirectory = home }
        if !server.keepsHome, let home {
            configuration.environment["HOME"] = home
            configuration.sandbox?.write.append(home)
        }
        let presence = ProcessPresence(metrics)
        configuration.companion = presence
        let child = try await ChildProcess.spawn(configuration, on: loop)
        presence.begin()
        return child
    }

    /// For whom a process works that works for one user only.
    private static func identity(of principal: Principal) -> [String: String] {
        var variables = [
            "SALLYPORT_USER_ID": principal.user.value, "SALLYPORT_USER_NAME": principal.userName,
        ]
        if let email = principal.email { variables["SALLYPORT_USER_EMAIL"] = email }
        // What cannot stand in an environment is left out, not cut off.
        return variables.filter { !$0.value.utf8.contains(0) }
    }

    /// The folder that is the server's own; nil where there is none.
    private func privateFolder() async throws(ChildProcess.SpawnError) -> String? {
        // The way to ours is closed to other accounts.
        if let user = server.user { return user.home }
        guard let scratch, server.workingDirectory == nil || !server.keepsHome else { return nil }
        return try await folder(below: scratch)
    }

    /// A private folder for the server, made when first needed.
    private func folder(below scratch: String) async throws(ChildProcess.SpawnError) -> String {
        let path = "\(scratch)/\(server.name)"
        do {
            try await BlockingExecutor.shared.run { try FileSystem.ensureDirectory(path, mode: 0o700) }
        } catch is CancellationError {
            throw .cancelled
        } catch {
            throw .system(step: "working directory", code: 0)
        }
        return path
    }
}
