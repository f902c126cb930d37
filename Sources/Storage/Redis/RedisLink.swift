import AsyncIO

/// One connection to a server that speaks RESP, while it lasts. Confined to its loop.
final class RedisLink {
    /// Carries the bytes.
    let stream: ByteStream
    private var reader = RESPReader()

    init(_ stream: ByteStream) {
        self.stream = stream
    }

    /// Sends one command and returns its reply: for the time before the connection is shared.
    func call(_ command: [UInt8], until deadline: LoopInstant) async throws(RedisFailure) -> RESPValue {
        do throws(IOError) {
            try await stream.write(command)
        } catch {
            throw .lost(error.description)
        }
        while true {
            if let reply = try parsed() {
                if case .error(let text) = reply { throw RedisFailure(reply: text) }
                return reply
            }
            do throws(IOError) {
                guard let bytes = try await stream.read(until: deadline) else { throw IOError.closed }
                try feed(bytes)
            } catch {
                throw .lost(error.description)
            }
        }
    }

    /// The replies that have come, at least one.
    func receive() async throws(IOError) -> [RESPValue] {
        var replies: [RESPValue] = []
        while replies.isEmpty {
            guard let bytes = try await stream.read() else { throw .connectionReset }
            try feed(bytes)
            do throws(RedisFailure) {
                while let reply = try parsed() { replies.append(reply) }
            } catch {
                throw .closed
            }
        }
        return replies
    }

    private func feed(_ bytes: [UInt8]) throws(IOError) {
        do throws(RESPReader.Failure) {
            try reader.feed(bytes)
        } catch {
            throw .closed
        }
    }

    private func parsed() throws(RedisFailure) -> RESPValue? {
        do throws(RESPReader.Failure) {
            return try reader.next()
        } catch {
            throw .lost(error.detail)
        }
    }
}
