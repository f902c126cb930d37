import CLibUV
import Glibc

/// Rules about files that the kernel holds for a process and all that descend from it; nobody can lift them again.
///
/// Older kernels know fewer rights (<https://docs.kernel.org/userspace-api/landlock.html>): those below version 3 let
/// files be truncated, those below 6 let signals and abstract sockets out. ``SystemCallFilter`` makes up for what it can.
package struct Landlock: ~Copyable {
    /// The version that this kernel has; 0 where it has none.
    package static let version = max(0, sp_landlock_version())

    private static let execute: UInt64 = 1 << 0
    private static let writeFile: UInt64 = 1 << 1
    private static let readFile: UInt64 = 1 << 2
    private static let readFolder: UInt64 = 1 << 3
    private static let truncate: UInt64 = 1 << 14
    private static let deviceControl: UInt64 = 1 << 15
    /// New device files.
    private static let makeDevices: UInt64 = 1 << 6 | 1 << 11
    private static let reading = execute | readFile | readFolder
    /// What one can have on a thing that is no folder.
    private static let ofFiles = execute | writeFile | readFile | truncate | deviceControl

    private let rules: FileDescriptor
    /// Every right about files that the kernel knows, and so forbids.
    private let known: UInt64

    /// Rules that allow nothing yet. `version` may be lower than the kernel's. Fails with `errno`.
    package init(version: Int32 = Landlock.version, network: Bool) throws(IOError) {
        // 1: the first thirteen; 2: linking across folders; 3: truncating; 5: control of devices.
        let count = version < 2 ? 13 : version < 3 ? 14 : version < 5 ? 15 : 16
        known = (1 << UInt64(count)) - 1
        // Binding and connecting by TCP; the filter has the rest of the network.
        let connections: UInt64 = version >= 4 && !network ? 3 : 0
        // Abstract sockets and signals.
        let scopes: UInt64 = version >= 6 ? 3 : 0
        let descriptor = sp_landlock_create(known, connections, scopes)
        guard descriptor >= 0 else { throw .last }
        rules = FileDescriptor(owning: descriptor)
    }

    /// Lets it read and execute `path` and all below it.
    package func allowReading(_ path: String) throws(IOError) {
        try allow(path, Self.reading)
    }

    /// Lets it do everything with `path` and all below it, except making devices and controlling them.
    package func allowWriting(_ path: String) throws(IOError) {
        try allow(path, known & ~Self.makeDevices & ~Self.deviceControl)
    }

    /// Lets it read and write a device.
    func allowDevice(_ path: String) throws(IOError) {
        try allow(path, Self.readFile | Self.writeFile)
    }

    private func allow(_ path: String, _ rights: UInt64) throws(IOError) {
        let file = unsafe sp_locate(path)
        guard file >= 0 else {
            let code = errno
            // What is not there, or not ours to look at, cannot be allowed, which takes nothing from the confinement.
            if [ENOENT, ENOTDIR, EACCES, ELOOP].contains(code) { return }
            throw IOError(code: code)
        }
        defer { _ = Glibc.close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0 else { throw .last }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        guard sp_landlock_allow(rules.rawValue, file, rights & known & (isFolder ? .max : Self.ofFiles)) == 0
        else { throw .last }
    }

    /// Confines this thread, which must have given up privileges (`no_new_privs`), and everything it starts.
    package func enforce() throws(IOError) {
        guard sp_landlock_restrict(rules.rawValue) == 0 else { throw .last }
    }
}
