import AsyncIO
import MCP
import Telemetry

extension StdioTransport: ServerConnection {
    /// How long what a process wrote last may take to be read, when a descendant keeps the pipe open (F08).
    private static let drainLimit = Duration.milliseconds(400)
    /// How long the news of a process that closed its output because it died may take (F07).
    private static let newsLimit = Duration.milliseconds(200)

    var details: LogMetadata { ["pid": .integer(Int(pid)), "stderr": .string(complaints)] }

    var waitingBytes: Int { unsentBytes }

    func listen(
        _ take: @escaping ([LineFramer.Line]) -> Void, lost: @escaping @Sendable (ConnectionLoss) -> Void
    ) {
        // Which error ended the output does not matter: the process tells how it ended.
        listen(take, ended: { _ in lost(.outputEnded) })
        whenExited { lost(.exited) }
    }

    func end(after loss: ConnectionLoss) async -> SessionEnd {
        switch loss {
        case .outputEnded:
            _ = await hasExited(within: Self.newsLimit)
            return await exitStatus().map { .exited($0) } ?? .closedOutput
        case .exited:
            // What it wrote last is still in the pipe. Nobody cancels this.
            try? await loop.sleep(for: Self.drainLimit)
            return await exitStatus().map { .exited($0) } ?? .closedOutput
        }
    }
}
