import Foundation
import Glibc
import TestSupport
import Testing

extension EndToEnd {
    /// What systemd and the program tell each other, and `sallyport health`.
    @Suite("Service manager", .timeLimit(.minutes(3)))
    struct ServiceManagerTests {
        /// The end of a service manager: a socket that datagrams come to.
        private final class Manager {
            let name: String
            private let descriptor: Int32

            /// At a path, or with `isAbstract` in no folder.
            init(in directory: TemporaryDirectory, isAbstract: Bool) throws {
                name = isAbstract ? "@sallyport-\(UUID().uuidString)" : directory.file("notify")
                descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                var bytes = Array(name.utf8)
                if isAbstract { bytes[0] = 0 }
                unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
                let length = socklen_t(2 + bytes.count)
                let bound = unsafe withUnsafePointer(to: &address) { pointer in
                    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        unsafe bind(descriptor, $0, length)
                    }
                }
                try #require(descriptor >= 0 && bound == 0)
            }

            deinit { close(descriptor) }

            /// What came next; nil when nothing has come.
            func next() -> String? {
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = unsafe recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
            }
        }

        @Test(
            "Type=notify: ready when /ready says so, stopping when it begins to, at a path and at a name in no folder",
            arguments: [false, true])
        func notices(isAbstract: Bool) async throws {
            let place = try TemporaryDirectory("manager")
            let manager = try Manager(in: place, isAbstract: isAbstract)
            let gateway = try GatewayProcess(environment: ["NOTIFY_SOCKET": manager.name])
            let directory = gateway.directory
            let program = try RunningProgram(
                Checkout.binary,
                ["serve", "--listen", "127.0.0.1:\(gateway.port)", "--data-dir", gateway.dataDirectory],
                environment: GatewayProcess.environment(home: directory.path).merging([
                    "NOTIFY_SOCKET": manager.name
                ]) { $1 }, in: directory.path, logs: directory)
            defer { program.killTree() }
            let first = try await eventually("a notice; it wrote: \(program.errors)") { manager.next() }
            #expect(first == "READY=1\nSTATUS=serving http://localhost:\(gateway.port)")
            #expect(try await gateway.request("GET", "/ready").status == 200, "at once")
            #expect(manager.next() == nil)
            program.signal(SIGTERM)
            let last = try await eventually("a notice of the end") { manager.next() }
            #expect(last == "STOPPING=1\nSTATUS=finishing what is in flight")
            #expect(try await program.waitUntilExit(within: .seconds(20)) == .exited(0))
        }

        @Test("a service manager that is not there is no reason not to serve, and the log says so")
        func absent() async throws {
            let gateway = try GatewayProcess(environment: ["NOTIFY_SOCKET": "/nowhere/notify"])
            try await gateway.start()
            try await eventuallyTrue("a line about it") { gateway.log.contains("the service manager cannot be told") }
            try await gateway.terminate()
        }

        @Test("socket activation: it serves on the socket that systemd opened, and says which one it has no use for")
        func inheritedSocket() async throws {
            let gateway = try GatewayProcess()
            let other = try FreePort.find()
            // Waits for the first connection before it starts the gateway, as a socket unit does.
            try await gateway.start(wrapper: [
                "/usr/bin/systemd-socket-activate", "--listen", "127.0.0.1:\(gateway.port)", "--listen",
                "127.0.0.1:\(other)",
            ])
            defer { gateway.program?.killTree() }
            // Nobody else can listen there without sharing, so this socket is the one that was handed over.
            let taken = try await SystemCommand.run(
                ["/usr/bin/systemd-socket-activate", "--listen", "127.0.0.1:\(gateway.port)", "/bin/true"])
            #expect(!taken.hasSucceeded && taken.errors.contains("Address already in use"), "\(taken.text)")
            for _ in 0..<20 { #expect(try await gateway.request("GET", "/live").status == 200) }
            try await gateway.logs("\"address\":\"127.0.0.1:\(other)\"")
            #expect(!gateway.log.contains("\"address\":\"127.0.0.1:\(gateway.port)\""))
        }

        @Test(
            "socket activation: [::] as systemd writes it stands for every address, and sockets of a parent are not ours"
        )
        func everyAddress() async throws {
            let port = try FreePort.find()
            let place = try TemporaryDirectory("sockets")
            let configuration = try place.write(
                "sallyport.yaml",
                "public_url: http://localhost:\(port)\nlisten: 0.0.0.0:\(port)\ndata_dir: \(place.file("data"))\n")
            let serve = [Checkout.binary, "serve", "--config", configuration]
            let activate = ["/usr/bin/systemd-socket-activate", "--listen", "[::]:\(port)"]
            let good = try RunningProgram(
                activate[0], activate.dropFirst() + serve, environment: GatewayProcess.environment(home: place.path),
                logs: place)
            defer { good.killTree() }
            try await eventuallyTrue("it serves; it wrote \(good.errors)", within: .seconds(15)) {
                try await onThread { (try? PlainHTTP.exchange(port: port, "GET", "/ready").status) == 200 }
            }
            good.signal(SIGTERM)
            try await good.waitUntilExit(within: .seconds(20))
            // Under a shell the sockets are those of the shell: the address is taken, and not by us.
            let bad = try RunningProgram(
                activate[0], activate.dropFirst() + ["/bin/sh", "-c", "\(serve.joined(separator: " ")); exit $?"],
                environment: GatewayProcess.environment(home: place.path), logs: place)
            defer { bad.killTree() }
            try await eventuallyTrue("somebody asks", within: .seconds(10)) {
                try await onThread { (try? PlainConnection(port: port, timeout: 1)) != nil }
            }
            #expect(try await bad.waitUntilExit(within: .seconds(15)) == .exited(69))
        }

        @Test("health asks the gateway where its configuration says, and its answer is the exit code")
        func health() async throws {
            let gateway = try GatewayProcess(
                configuration: "servers:\n  demo: {command: sallyport, args: [demo-server]}\n")
            let ask = ["health", "--listen", "127.0.0.1:\(gateway.port)"]
            let early = try await gateway.command(ask, dataDirectory: false)
            #expect(early.exit == .exited(69) && early.errors.contains("nobody listens"), "\(early.errors)")
            try await gateway.start()
            for words in [ask, ["health", "--listen", "0.0.0.0:\(gateway.port)"], ask + ["--timeout", "500ms"]] {
                let well = try await gateway.command(words, dataDirectory: false)
                #expect(well.exit == .exited(0) && well.output == "ready\n", "\(well)")
            }
            for words in [["health", "--listen", "nowhere"], ask + ["--timeout", "soon"], ["health", "x"]] {
                #expect(try await gateway.command(words, dataDirectory: false).exit == .exited(64))
            }
        }

        @Test(
            "health over TLS takes the configured certificate and no other, and something that is no gateway is not well"
        )
        func healthByTLS() async throws {
            let certificates = try TestCertificates()
            let shown = try certificates.issue("server", names: "DNS:localhost")
            let other = try certificates.issue("other", names: "DNS:localhost")
            let gateway = try GatewayProcess(
                configuration: "tls: {certificate: \(shown.certificate), private_key: \(shown.key)}\n", isSecure: true)
            try await gateway.start()
            func ask(_ pair: (certificate: String, key: String)) async throws -> SystemCommand {
                let file = try gateway.directory.write(
                    "health.yaml",
                    "listen: 127.0.0.1:\(gateway.port)\ntls: {certificate: \(pair.certificate), private_key: \(pair.key)}\n"
                )
                return try await SystemCommand.run([Checkout.binary, "health", "--config", file])
            }
            let well = try await ask(shown)
            #expect(well.hasSucceeded && well.output == "ready\n", "\(well.text)")
            let wrong = try await ask(other)
            #expect(wrong.exit == .exited(69) && wrong.errors.contains("no TLS with"), "\(wrong.text)")
            let plain = try await SystemCommand.run(
                [Checkout.binary, "health", "--listen", "127.0.0.1:\(gateway.port)"])
            #expect(plain.exit == .exited(69) && plain.errors.contains("is not ready"), "\(plain.text)")
        }
    }
}
