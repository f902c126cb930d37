import AsyncIO
import Crypto
import HTTP
import Storage
import Telemetry

/// `sallyport health`: whether the gateway of this machine, or of this container, can serve.
enum HealthCommand {
    static let syntax = CommandSyntax(
        options: ["--config", "--data-dir", "--listen", "--timeout", "--server"], flags: ["--servers"])

    /// A few lines, or one for each server.
    fileprivate static let maximumBytes = 1 << 20

    /// Asks it, prints what it says, and fails when it is not ready.
    static func run(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) -> ExitCode {
        let errand = try Errand(arguments, environment: environment)
        let patience = try patience(arguments, errand)
        let question = try Question(arguments, environment: environment)
        // A peer that is gone is an answer as well.
        Signals.ignoreBrokenPipes()
        let loop = EventLoop(name: "health")
        defer { loop.shutdown() }
        let answer = try Lifecycle.run(on: loop) { () async throws(CommandFailure) in
            try await question.ask(errand, on: loop, within: patience)
        }
        return try errand.report(answer, from: question.address)
    }

    private static func patience(_ arguments: ParsedArguments, _ errand: Errand) throws(CommandFailure) -> Duration {
        guard let text = arguments["--timeout"] else { return errand.patience }
        guard let duration = Units.duration(text), duration > .zero else {
            throw CommandFailure(code: .usage, message: "--timeout \(text) is no duration", hint: "like 4s")
        }
        return duration
    }
}

extension HealthCommand {
    /// What `/ready` said.
    struct Answer: Sendable {
        let isReady: Bool
        let body: [UInt8]
        let text: String

        /// From everything that came over the wire.
        init(_ bytes: [UInt8]) {
            isReady = bytes.starts(with: "HTTP/1.1 200 ".utf8)
            let head = bytes.firstRange(of: Array("\r\n\r\n".utf8))
            self.body = head.map { Array(bytes[$0.upperBound...]) } ?? []
            let lines = String(decoding: bytes, as: UTF8.self).split(
                separator: "\r\n", omittingEmptySubsequences: false)
            var body = lines.drop { !$0.isEmpty }.dropFirst().joined(separator: "\n")
            while body.last?.isNewline == true { body.removeLast() }
            text = LogText.readable(body.isEmpty ? String(lines.first ?? "no answer") : body)
        }
    }

    /// Where to ask, and whom.
    struct Question: Sendable {
        let address: SocketAddress
        /// The name in the certificate, and what it is; nil where TLS does not end in the gateway.
        private let certificate: (host: String, path: String)?

        /// `--listen` alone says where; else the configuration does.
        init(_ arguments: ParsedArguments, environment: [String: String]) throws(CommandFailure) {
            if let text = arguments["--listen"], arguments["--config"] == nil {
                do throws(ListenAddress.ParseError) {
                    address = try ListenAddress.parse(text).reachable
                } catch {
                    throw CommandFailure(
                        code: .usage, message: "--listen \(text) is no address to listen on", hint: error.hint)
                }
                certificate = nil
                return
            }
            let configuration = try Configuration.forCommand(arguments, environment: environment, purpose: .health)
            address = configuration.listen.reachable
            certificate = configuration.tls.map { tls in
                (
                    configuration.publicURL?.host.plainText ?? "localhost",
                    tls.certificatePath(configuration.dataDirectory)
                )
            }
        }

        /// Asks. Every failure says how far it got.
        func ask(
            _ errand: Errand, on loop: EventLoop, within patience: Duration
        ) async throws(CommandFailure) -> Answer {
            let deadline = EventLoop.preciseNow + patience
            let stream: ByteStream
            do throws(IOError) {
                stream = try await ByteStream.connect(to: address, on: loop, within: patience)
            } catch {
                throw CommandFailure(code: .unavailable, message: "nobody listens on \(address): \(error)")
            }
            defer { stream.close() }
            try await secure(stream, within: patience)
            do throws(IOError) {
                try await stream.write(errand.request)
                var bytes: [UInt8] = []
                while bytes.count < maximumBytes, let more = try await stream.read(until: deadline) { bytes += more }
                return Answer(bytes)
            } catch {
                throw CommandFailure(code: .unavailable, message: "\(address) does not answer: \(error)")
            }
        }

        private func secure(_ stream: ByteStream, within patience: Duration) async throws(CommandFailure) {
            guard let certificate else { return }
            let context: TLSContext
            do throws(TLSError) {
                context = try TLSContext(trusting: .certificates(path: certificate.path))
            } catch {
                throw CommandFailure(code: .unavailable, message: "no certificate in \(certificate.path): \(error)")
            }
            do throws(TLSFailure) {
                try await stream.secure(to: certificate.host, context, within: patience)
            } catch {
                throw CommandFailure(code: .unavailable, message: "no TLS with \(address): \(error)")
            }
        }
    }
}

extension SocketAddress {
    /// Where a program on this machine reaches what listens here.
    fileprivate var reachable: SocketAddress {
        guard let address = ipAddress, address.isUnspecified else { return self }
        return .ip(address.bitWidth == 128 ? .v6(high: 0, low: 1) : .v4(0x7f00_0001), port: port)
    }
}

extension TLSSettings {
    /// The file of the certificate that is served.
    fileprivate func certificatePath(_ dataDirectory: String) -> String {
        switch source {
        case .files(let source): source.files.certificate
        case .acme: "\(dataDirectory)/\(DataDirectory.acmeName)/certificate.pem"
        }
    }
}
