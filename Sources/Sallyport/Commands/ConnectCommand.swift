import AsyncIO
import MCP
import Telemetry

/// `sallyport connect URL`: a remote server as a local one on standard input and output.
enum ConnectCommand {
    static let syntax = CommandSyntax(options: RemoteServer.options, flags: RemoteServer.flags, words: ["URL"])

    /// How long calls that are under way may take when the local client has closed our input.
    private static let patience = Duration.seconds(30)

    /// Serves until standard input ends.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let server = try RemoteServer(arguments, environment: environment, isAttended: true)
        let loop = EventLoop(name: "connect")
        defer {
            LogSink.standard.flush()
            loop.shutdown()
        }
        Lifecycle.run(on: loop) { await relay(server, on: loop) }
        return .success
    }

    private static func relay(_ server: RemoteServer, on loop: EventLoop) async {
        let output = StandardOutput()
        let client = server.client(on: loop) { await output.write($0) }
        var input = StandardInput()
        while let lines = await input.next() {
            for line in lines {
                switch line {
                case .complete(let text): await client.accept(text)
                case .oversized:
                    let error = JSONRPCError(.parseError, "A line is longer than 16 MiB")
                    await output.write(error.response(to: nil))
                }
            }
            // Without a reader there is nobody to serve.
            guard await output.isOpen else { break }
        }
        await client.close(within: patience)
    }
}
