import Foundation

/// A folder of one test, mode 0700, removed with the value that owns it.
package final class TemporaryDirectory: Sendable {
    package let path: String

    package init(_ purpose: String = "test") throws {
        path = NSTemporaryDirectory() + "sallyport-\(purpose)-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit {
        // A leftover folder in the system's temporary space harms nobody.
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The path of `name` in this folder.
    package func file(_ name: String) -> String { path + "/" + name }

    /// Writes `text` to `name` and returns its path.
    @discardableResult
    package func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let target = file(name)
        try Data(text.utf8).write(to: URL(fileURLWithPath: target))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: target)
        return target
    }

    /// Makes the folder `name` and returns its path.
    @discardableResult
    package func makeFolder(_ name: String) throws -> String {
        let target = file(name)
        try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
        return target
    }
}

/// Places in this checkout.
package enum Checkout {
    /// The root of the checkout.
    package static let root: String = {
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url.path
    }()

    /// The built program: what `./test` names, else the debug build beside the tests.
    package static let binary: String =
        ProcessInfo.processInfo.environment["SALLYPORT_BINARY"] ?? root + "/.build/debug/sallyport"

    /// The interpreter of the private Python environment `name` (`./test` makes them).
    package static func python(_ name: String) -> String { root + "/.venv-\(name)/bin/python" }

    /// A program that a Python package installed.
    package static func pythonProgram(_ program: String, in environment: String = "current") -> String {
        root + "/.venv-\(environment)/bin/\(program)"
    }

    /// A script that plays a client in the end-to-end tests.
    package static func client(_ script: String) -> String { root + "/Tests/EndToEndTests/Clients/\(script)" }
}
