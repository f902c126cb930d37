/// What the launcher shall start, in the form in which it travels: strings ended by NUL, in a file in memory.
///
/// It does not travel in arguments or environment of the launcher: other processes could read the one, and the other
/// would act on the launcher itself (`LD_PRELOAD`).
struct LaunchSpecification: Equatable {
    var executable: String
    var workingDirectory: String?
    var limits: ChildProcess.Limits
    /// The soft limit of open files that the gateway itself was started with.
    var softOpenFiles: UInt64
    var arguments: [String]
    /// `NAME=value`.
    var environment: [String]
    var sandbox: ChildProcess.Sandbox?
    var user: SystemUser.Numbers?
    /// Where folders for temporary files are made, and how the names of such things begin.
    var temporaryFolder = "/tmp"
    var mark = ""
    var group: ControlGroup?

    private static let version = "2"

    /// Nil when a text contains NUL, which would make two texts of one.
    func serialized() -> [UInt8]? {
        var texts = [Self.version, executable, workingDirectory ?? ""]
        texts += limits.inOrder.map { $0.map(String.init) ?? "" }
        texts += [String(softOpenFiles), temporaryFolder, mark]
        texts += Self.list(arguments) + Self.list(environment)
        texts += Self.list(user.map { [$0.user, $0.group] + $0.groups }?.map { String($0) } ?? [])
        texts.append(sandbox.map { $0.network ? "network" : "alone" } ?? "")
        texts += Self.list(sandbox?.read ?? []) + Self.list(sandbox?.write ?? [])
        texts += Self.list(group?.texts ?? [])
        var bytes: [UInt8] = []
        for text in texts {
            if text.utf8.contains(0) { return nil }
            bytes += text.utf8
            bytes.append(0)
        }
        return bytes
    }

    init(
        executable: String, workingDirectory: String?, limits: ChildProcess.Limits, softOpenFiles: UInt64,
        arguments: [String], environment: [String]
    ) {
        self.executable = executable
        self.workingDirectory = workingDirectory
        self.limits = limits
        self.softOpenFiles = softOpenFiles
        self.arguments = arguments
        self.environment = environment
    }

    /// Nil when the bytes are not of this version.
    init?(parsing bytes: [UInt8]) {
        guard bytes.last == 0 else { return nil }
        var texts = bytes.dropLast().split(separator: 0, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }[...]
        guard texts.popFirst() == Self.version, let executable = texts.popFirst(), let folder = texts.popFirst(),
            texts.count > ChildProcess.Limits.count
        else { return nil }
        limits = ChildProcess.Limits(inOrder: texts.prefix(ChildProcess.Limits.count).map { UInt64($0) })
        texts = texts.dropFirst(ChildProcess.Limits.count)
        guard let soft = texts.popFirst().flatMap({ UInt64($0) }), let temporaryFolder = texts.popFirst(),
            let mark = texts.popFirst(), let arguments = Self.takeList(&texts), let environment = Self.takeList(&texts),
            let user = Self.takeList(&texts), let network = texts.popFirst(), let read = Self.takeList(&texts),
            let write = Self.takeList(&texts), let group = Self.takeList(&texts), texts.isEmpty
        else { return nil }
        softOpenFiles = soft
        self.executable = executable
        workingDirectory = folder.isEmpty ? nil : folder
        self.arguments = arguments
        self.environment = environment
        self.temporaryFolder = temporaryFolder
        self.mark = mark
        if !user.isEmpty {
            let numbers = user.compactMap { UInt32($0) }
            guard numbers.count == user.count, numbers.count >= 2 else { return nil }
            self.user = .init(user: numbers[0], group: numbers[1], groups: Array(numbers.dropFirst(2)))
        }
        if !group.isEmpty {
            guard let group = ControlGroup(texts: group) else { return nil }
            self.group = group
        }
        if !network.isEmpty { sandbox = .init(read: read, write: write, network: network == "network") }
    }

    /// A list travels behind its length.
    private static func list(_ texts: [String]) -> [String] { [String(texts.count)] + texts }

    private static func takeList(_ texts: inout ArraySlice<String>) -> [String]? {
        guard let count = texts.popFirst().flatMap({ Int($0) }), count >= 0, count <= texts.count else { return nil }
        defer { texts = texts.dropFirst(count) }
        return Array(texts.prefix(count))
    }
}
