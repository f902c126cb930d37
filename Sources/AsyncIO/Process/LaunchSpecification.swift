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

    private static let version = "1"

    /// Nil when a text contains NUL, which would make two texts of one.
    func serialized() -> [UInt8]? {
        let numbers = limits.inOrder.map { $0.map(String.init) ?? "" }
        let texts =
            [Self.version, executable, workingDirectory ?? ""] + numbers + [
                String(softOpenFiles), String(arguments.count),
            ] + arguments
            + environment
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
        arguments: [String],
        environment: [String]
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
        guard texts.popFirst() == Self.version, let executable = texts.popFirst(), let folder = texts.popFirst() else {
            return nil
        }
        guard texts.count > ChildProcess.Limits.count else { return nil }
        limits = ChildProcess.Limits(inOrder: texts.prefix(ChildProcess.Limits.count).map { UInt64($0) })
        texts = texts.dropFirst(ChildProcess.Limits.count)
        guard let soft = texts.popFirst().flatMap({ UInt64($0) }), let counter = texts.popFirst(),
            let count = Int(counter), count >= 0, count <= texts.count
        else {
            return nil
        }
        softOpenFiles = soft
        self.executable = executable
        workingDirectory = folder.isEmpty ? nil : folder
        arguments = Array(texts.prefix(count))
        environment = Array(texts.dropFirst(count))
    }
}
