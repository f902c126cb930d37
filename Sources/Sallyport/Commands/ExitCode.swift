/// What the program says to the shell, in the numbers of sysexits.h.
enum ExitCode: Int32, Error {
    case success = 0
    /// The command line is not understood.
    case usage = 64
    /// An input file is not what it should be.
    case dataError = 65
    /// An input file is missing.
    case noInput = 66
    /// The account or thing that a command names does not exist.
    case noUser = 67
    /// Something that is needed does not answer, such as the store or the address to listen on.
    case unavailable = 69
    /// Our own fault.
    case software = 70
    /// The store or a file cannot be made.
    case cannotCreate = 73
    case ioError = 74
    /// This user may not do that.
    case noPermission = 77
    /// The configuration is wrong.
    case configuration = 78
}

/// A reason to end with a message: what was wrong, and what to do.
struct CommandFailure: Error {
    let code: ExitCode
    let message: String
    var hint: String?
    /// What comes before the message: the single problems.
    var details: [String] = []

    /// As it is printed.
    var text: String {
        (details + ["sallyport: \(message)" + (hint.map { "\n    hint: \($0)" } ?? "")]).joined(separator: "\n")
    }
}
