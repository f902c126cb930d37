import CLibUV
import Glibc

/// The files that a program needs to start, as far as they follow from where it lies: itself, what interprets it, the
/// environment of Python or Node that it belongs to. Blocking; for the launcher.
struct ProgramFiles {
    /// Files and folders to read, some of them perhaps not there.
    private(set) var paths: [String] = []
    private let searchPath: [String]

    /// Of the first of `candidates` that can be executed; `searchPath` are the folders of its `PATH`.
    init(candidates: [String], searchPath: [String]) {
        self.searchPath = searchPath
        if let program = candidates.first(where: Self.isExecutable) { add(program, depth: 0) }
    }

    private mutating func add(_ program: String, depth: Int) {
        // As many interpreters as the kernel would follow.
        guard depth < 5 else { return }
        var isNew = false
        for place in [program, Self.resolved(program)].compactMap({ $0 }) where !paths.contains(place) {
            isNew = true
            paths.append(place)
            addSurroundings(of: place)
        }
        guard isNew, let words = Self.interpreter(of: program), let interpreter = words.first else { return }
        add(interpreter, depth: depth + 1)
        // `#!/usr/bin/env python3`: the second word is the program, looked up in PATH.
        guard words.count > 1, interpreter.hasSuffix("/env") else { return }
        let name = words.dropFirst().first { !$0.hasPrefix("-") } ?? ""
        if let found = searchPath.map({ "\($0)/\(name)" }).first(where: Self.isExecutable) {
            add(found, depth: depth + 1)
        }
    }

    /// What lies beside a program: `bin` and `lib` of its installation, never the whole of it, for in a home folder that
    /// would be everything; a virtual environment; the packages of Node.
    private mutating func addSurroundings(of program: String) {
        let folder = FileSystem.parent(of: program)
        let installation = FileSystem.parent(of: folder)
        if folder.hasSuffix("/bin") { paths += [folder, "\(installation)/lib", "\(installation)/lib64"] }
        if let settings = try? FileSystem.readFile("\(installation)/pyvenv.cfg", maximum: 64 << 10) {
            paths.append(installation)
            if let home = Self.home(in: settings), home.hasSuffix("/bin") {
                let base = FileSystem.parent(of: home)
                paths += [home, "\(base)/lib", "\(base)/lib64"]
            }
        }
        // The outermost one: packages need each other.
        if let packages = program.split(separator: "/").firstIndex(of: "node_modules") {
            paths.append("/" + program.split(separator: "/")[...packages].joined(separator: "/"))
        }
    }

    /// The folder of the Python that a virtual environment was made with.
    private static func home(in settings: [UInt8]) -> String? {
        for line in settings.split(separator: UInt8(ascii: "\n")) {
            let parts = String(decoding: line, as: UTF8.self).split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].trimmed == "home", parts[1].trimmed.hasPrefix("/") else { continue }
            return parts[1].trimmed
        }
        return nil
    }

    /// The words of the first line behind `#!`.
    private static func interpreter(of program: String) -> [String]? {
        let file = unsafe sp_open(program, O_RDONLY, 0)
        guard file >= 0 else { return nil }
        defer { _ = Glibc.close(file) }
        var start = [UInt8](repeating: 0, count: 256)
        let count = unsafe start.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
        guard count > 2, start.starts(with: "#!".utf8) else { return nil }
        let line = start[2..<count].prefix { $0 != UInt8(ascii: "\n") && $0 != 0 }
        return line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
            .map { String(decoding: $0, as: UTF8.self) }
    }

    private static func isExecutable(_ path: String) -> Bool { unsafe access(path, X_OK) == 0 }

    /// The path without links.
    private static func resolved(_ path: String) -> String? {
        guard let real = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" || $0 == "\r" }.reversed())
    }
}
