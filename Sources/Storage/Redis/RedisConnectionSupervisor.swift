import AsyncIO
import Telemetry

extension RedisConnection {
    /// The shortest pause between two attempts, and how far it grows.
    private static let firstPause = 50
    private static let longestPause = 400

    /// Keeps the connection up until it is closed. The task holds the connection: `close()` ends both.
    nonisolated func supervise() {
        Task(executorPreference: loop) { await self.keepUp() }
    }

    private func keepUp() async {
        var pause = Self.firstPause
        while !isClosed {
            willConnect()
            while !isClosed {
                do throws(RedisFailure) {
                    let (link, facts) = try await dialer.connect(on: loop)
                    didConnect(link, facts)
                    let began = EventLoop.preciseNow
                    await serve(link)
                    // A server that drops us at once is as good as none.
                    if EventLoop.preciseNow - began < .milliseconds(100) {
                        await rest(&pause)
                    } else {
                        pause = Self.firstPause
                    }
                    break
                } catch {
                    didFail(error)
                    await rest(&pause)
                }
            }
        }
    }

    /// Waits a little, up to twice as long the next time; the half is random, so that many gateways do not come at once.
    private func rest(_ pause: inout Int) async {
        let length = pause / 2 + Int.random(in: 0...pause / 2)
        pause = min(pause * 2, Self.longestPause)
        // Nobody cancels this task; its end is `close()`.
        try? await loop.sleep(for: .milliseconds(length))
    }
}
