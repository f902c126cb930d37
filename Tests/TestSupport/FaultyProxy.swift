import Foundation
import Glibc
import Synchronization

/// A TCP proxy on a free port that behaves badly on command: slow, silent, or cutting an answer off.
package final class FaultyProxy: Sendable {
    /// What it does with what it carries.
    package enum Behaviour: Sendable, Equatable {
        /// Passes everything on.
        case pass
        /// Holds each piece of an answer back for so long.
        case delay(milliseconds: Int)
        /// Takes everything, passes nothing on, closes nothing: a half-open connection.
        case stall
        /// Passes requests on and closes both sides when the answer comes: once, then it passes.
        case cutNextAnswer
    }

    private struct State {
        var behaviour = Behaviour.pass
        var descriptors: [Int32] = []
        var accepted = 0
        var isClosed = false
    }

    package let port: Int
    private let target: Int
    private let listener: Int32
    private let state = Mutex(State())

    /// Listens on 127.0.0.1 and passes on to `target` there.
    package init(to target: Int) throws {
        self.target = target
        port = try FreePort.find()
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var one: Int32 = 1
        unsafe setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        let result = unsafe withAddress(port) { unsafe bind(listener, $0, $1) }
        guard listener >= 0, result == 0, listen(listener, 64) == 0 else {
            throw PlainConnectionError.connect(errno)
        }
        Thread.detachNewThread { [weak self, listener] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                guard let self else { return _ = Glibc.close(client) }
                self.carry(client)
            }
        }
    }

    deinit { close() }

    /// What it does from now on.
    package func behave(_ behaviour: Behaviour) { state.withLock { $0.behaviour = behaviour } }

    /// Connections that were made through it so far.
    package var accepted: Int { state.withLock { $0.accepted } }

    /// Ends it and every connection.
    package func close() {
        let descriptors = state.withLock { state in
            defer { state.descriptors = [] }
            guard !state.isClosed else { return [Int32]() }
            state.isClosed = true
            return state.descriptors + [listener]
        }
        for descriptor in descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }

    private func carry(_ client: Int32) {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard server >= 0, unsafe withAddress(target, { unsafe connect(server, $0, $1) }) == 0 else {
            Glibc.close(client)
            Glibc.close(server)
            return
        }
        var one: Int32 = 1
        for descriptor in [client, server] {
            unsafe setsockopt(
                descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        }
        state.withLock { state in
            state.accepted += 1
            state.descriptors += [client, server]
        }
        Thread.detachNewThread { [self] in pump(from: client, to: server, isAnswer: false) }
        Thread.detachNewThread { [self] in pump(from: server, to: client, isAnswer: true) }
    }

    private func pump(from source: Int32, to sink: Int32, isAnswer: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        // Pieces that came close together also leave close together, each late by the same time.
        let line = DispatchQueue(label: "late")
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe recv(source, $0.baseAddress, $0.count, 0) }
            guard count > 0 else { break }
            switch state.withLock({ $0.behaviour }) {
            case .pass: break
            case .stall: continue
            case .delay(let milliseconds):
                guard isAnswer else { break }
                let piece = Array(buffer.prefix(count))
                line.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) {
                    _ = unsafe piece.withUnsafeBytes {
                        unsafe send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                }
                continue
            case .cutNextAnswer where isAnswer:
                behave(.pass)
                shutdown(source, Int32(SHUT_RDWR))
                shutdown(sink, Int32(SHUT_RDWR))
                return
            case .cutNextAnswer: break
            }
            let sent = unsafe buffer.withUnsafeBytes {
                unsafe send(sink, $0.baseAddress, count, Int32(MSG_NOSIGNAL))
            }
            guard sent == count else { break }
        }
        shutdown(sink, Int32(SHUT_RDWR))
    }
}

private func withAddress(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    return unsafe withUnsafePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}
