import CArguments

/// The command line of this program, as the kernel gave it. `CommandLine` reads it from /proc, which in a sandbox says nothing.
package enum ProgramArguments {
    /// What follows the program's name.
    package static var all: [String] {
        (1..<max(1, count)).compactMap { index in unsafe word(index).map { unsafe String(cString: $0) } }
    }

    /// How many words there are, the program's name among them.
    static var count: Int { Int(sp_argument_count()) }

    /// One of them, where it lies; nil where there is none.
    static func word(_ index: Int) -> UnsafeMutablePointer<CChar>? { unsafe sp_argument(Int32(clamping: index)) }
}
