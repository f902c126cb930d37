import AsyncIO
import Telemetry

/// What a service manager such as systemd learns of the gateway (`Type=notify`); nothing where there is none.
struct ServiceNotices: Sendable {
    let logger: Logger

    /// The gateway serves at `origin`: what waits for it may start.
    func ready(at origin: String) {
        tell("READY=1\nSTATUS=serving \(origin)")
        for address in InheritedSockets.unused {
            logger.warning(
                "a socket of the service manager is not used: nothing in the configuration listens there",
                ["address": .string("\(address)")])
        }
    }

    /// The gateway takes no new work and finishes what it has.
    func stopping() {
        tell("STOPPING=1\nSTATUS=finishing what is in flight")
    }

    private func tell(_ state: String) {
        do throws(IOError) {
            try ServiceManager.tell(state)
        } catch {
            // It will think that we hang, and end us some day: the reason must be in the log.
            logger.error("the service manager cannot be told", ["error": .string("\(error)")])
        }
    }
}
