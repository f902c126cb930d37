import AsyncIO
import Crypto
import Telemetry

extension HTTPConnection {
    /// Ends TLS here; false when there is nobody to answer. It has the time that a head has.
    func secure(by tls: ServedTLS) async -> Bool {
        pendingTLS = nil
        let deadline = EventLoop.preciseNow + context.configuration.headTimeout
        do throws(TLSFailure) {
            guard try await isHandshake(until: deadline) else {
                HTTPMetrics.countHandshake(.plain)
                await refuse(.plainOverTLS)
                return false
            }
            guard try await stream.secure(accepting: tls, within: deadline - EventLoop.preciseNow) else {
                HTTPMetrics.countHandshake(.challenge)
                stream.close()
                return false
            }
        } catch {
            HTTPMetrics.countHandshake(.failed)
            context.logger.debug("no TLS with a client", ["reason": .string(error.description)])
            stream.close()
            return false
        }
        HTTPMetrics.countHandshake(.done)
        if isDraining { stream.close() }
        return !isDraining
    }

    /// Whether the client begins TLS. A method begins with a capital letter, a handshake never does.
    private func isHandshake(until deadline: LoopInstant) async throws(TLSFailure) -> Bool {
        do throws(IOError) {
            guard let first = try await stream.read(until: deadline) else { throw IOError.connectionReset }
            stream.unread(first)
            return !(0x41...0x5A).contains(first.first ?? 0)
        } catch {
            throw .wire(error)
        }
    }
}
