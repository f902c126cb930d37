import AsyncIO
import AuthorizationServer
import Storage
import Telemetry

/// The store of the gateway, opened for one command, whether the gateway runs or not.
struct AdministeredStore: Sendable {
    /// The configuration that the gateway has.
    let configuration: Configuration
    /// The store.
    let store: any AuthorizationStore
    /// Where changes are noted.
    let audit: any AuditLog
    /// For commands that wait.
    let loop: EventLoop

    /// Opens the store, runs `body`, and closes everything; failures become messages.
    static func run(
        _ arguments: ParsedArguments, environment: [String: String], label: StaticString,
        _ body: @escaping @Sendable (AdministeredStore) async throws -> Void
    ) throws(CommandFailure) -> ExitCode {
        try answer(arguments, environment: environment, label: label) { opened in
            try await body(opened)
            return .success
        }
    }

    /// The same for a command whose exit code says something.
    static func answer(
        _ arguments: ParsedArguments, environment: [String: String], label: StaticString,
        _ body: @escaping @Sendable (AdministeredStore) async throws -> ExitCode
    ) throws(CommandFailure) -> ExitCode {
        let configuration = try Configuration.forCommand(
            arguments, environment: environment, purpose: .administration())
        let loop = EventLoop(name: label.description)
        defer { loop.shutdown() }
        let state = try OpenedStore.open(configuration, on: loop, isNewAllowed: false)
        let audit = try AuditTrail.open(configuration, logger: Logger(label: label))
        defer {
            audit.flush()
            state.close()
        }
        let opened = AdministeredStore(
            configuration: configuration, store: state.store, audit: audit.log, loop: loop)
        return try Lifecycle.run(on: loop) { () async throws(CommandFailure) in
            do {
                return try await body(opened)
            } catch let failure as CommandFailure {
                throw failure
            } catch {
                throw failure(of: error)
            }
        }
    }

    private static func failure(of error: any Error) -> CommandFailure {
        switch error {
        case SessionAdministration.Refusal.unknownUser(let name), GrantAdministration.Refusal.unknownUser(let name):
            CommandFailure(
                code: .noUser, message: "there is no user named \(name)", hint: "sallyport user list shows them")
        case let refusal as SessionAdministration.Refusal:
            CommandFailure(code: .dataError, message: "\(refusal)", hint: "sallyport session list shows them")
        case let refusal as GrantAdministration.Refusal:
            CommandFailure(code: .dataError, message: "\(refusal)", hint: "sallyport grant list shows them")
        default: UserCommand.failure(error)
        }
    }
}
