/// One thing that is wrong, or worth knowing, about a configuration.
struct ConfigurationProblem: Sendable, Equatable {
    /// Whether the program may start in spite of it.
    enum Severity: Sendable {
        /// Nothing starts.
        case error
        /// Said once at start-up and by `check`.
        case notice
    }

    /// Whether the program may start in spite of it.
    let severity: Severity
    /// The file, or nil for the command line and the environment.
    let file: String?
    /// The line in the file, from 1; nil when the problem is not at a place.
    let line: Int?
    /// The keys from the root, joined with dots.
    let path: String
    /// What is wrong.
    let message: String
    /// What to do about it.
    let hint: String?

    /// The problem as `check` and the start-up print it.
    var text: String { (hint.map { "\(statement)\n    hint: \($0)" }) ?? statement }

    /// The same in one line, for the log.
    var logText: String { (hint.map { "\(statement) (hint: \($0))" }) ?? statement }

    /// The same as something worth knowing.
    var asNotice: ConfigurationProblem {
        ConfigurationProblem(severity: .notice, file: file, line: line, path: path, message: message, hint: hint)
    }

    private var statement: String {
        var text = ""
        if let file {
            text += line.map { "\(file):\($0): " } ?? "\(file): "
        }
        if severity == .notice { text += "note: " }
        if !path.isEmpty { text += "\(path): " }
        text += message
        return text
    }
}

/// Everything that was refused in one reading of a configuration.
struct ConfigurationError: Error {
    /// At least one problem is an error.
    let problems: [ConfigurationProblem]

    /// The problems that stop the start.
    var errors: [ConfigurationProblem] { problems.filter { $0.severity == .error } }
}

/// Collects the problems of one reading, so that the operator sees all of them together.
final class ConfigurationContext {
    /// The name of the file as the operator wrote it.
    let file: String?
    /// The folder that relative paths in the file start from.
    let directory: String
    /// The variables that `${NAME}` may name.
    let environment: [String: String]
    /// How much is read.
    let limits: ConfigurationLimits
    /// What it is read for.
    let purpose: ConfigurationPurpose
    /// Where a variable is not set and need not be.
    private var open: [ConfigurationPath] = []
    /// What was found so far, in the order of reading.
    private(set) var problems: [ConfigurationProblem] = []

    init(
        file: String?, directory: String = ".", environment: [String: String],
        limits: ConfigurationLimits = .standard, purpose: ConfigurationPurpose = .serving
    ) {
        self.file = file
        self.directory = directory
        self.environment = environment
        self.limits = limits
        self.purpose = purpose
    }

    /// Takes a variable at `path` for one that others set.
    func leaveOpen(_ path: ConfigurationPath) { open.append(path) }

    /// Whether one is missing at `path`.
    func isOpen(_ path: ConfigurationPath) -> Bool { open.contains { $0.description == path.description } }

    /// Makes notes of the problems that come of missing variables alone, or may: nobody can say so before they are set. For an
    /// administrator this is everything that the command does not need; for `check` what stands at such a value or above it.
    func excuseOpenValues() {
        guard !open.isEmpty else { return }
        let places = open.map(\.description)
        problems = problems.map { problem in
            let isExcused =
                purpose.isForServing
                ? places.contains {
                    $0 == problem.path || $0.hasPrefix("\(problem.path).") || $0.hasPrefix("\(problem.path)[")
                }
                : purpose.leavesOpen(problem.path)
            return isExcused ? problem.asNotice : problem
        }
    }

    /// Records a reason not to start.
    func refuse(_ path: ConfigurationPath, line: Int?, _ message: String, hint: String? = nil) {
        add(.error, path, line, message, hint)
    }

    /// Records something that the operator should know.
    func note(_ path: ConfigurationPath, line: Int?, _ message: String, hint: String? = nil) {
        add(.notice, path, line, message, hint)
    }

    /// Takes over what another reading found, without the lines, which it did not have.
    func adopt(_ problem: ConfigurationProblem) {
        problems.append(
            ConfigurationProblem(
                severity: problem.severity, file: nil, line: nil, path: problem.path, message: problem.message,
                hint: problem.hint))
    }

    /// Whether something was found that stops the start.
    var hasErrors: Bool { problems.contains { $0.severity == .error } }

    private func add(
        _ severity: ConfigurationProblem.Severity, _ path: ConfigurationPath, _ line: Int?, _ message: String,
        _ hint: String?
    ) {
        problems.append(
            ConfigurationProblem(
                severity: severity, file: file, line: line, path: path.description, message: message, hint: hint))
    }
}

/// The keys from the root of a configuration to one value.
struct ConfigurationPath: Sendable, CustomStringConvertible {
    private var text = ""

    /// The root of the file.
    static let root = ConfigurationPath()

    /// The path of a key below this one.
    func key(_ name: String) -> ConfigurationPath {
        var copy = self
        copy.text += text.isEmpty ? name : ".\(name)"
        return copy
    }

    /// The path of a list entry below this one.
    func index(_ index: Int) -> ConfigurationPath {
        var copy = self
        copy.text += "[\(index)]"
        return copy
    }

    var description: String { text }
}
