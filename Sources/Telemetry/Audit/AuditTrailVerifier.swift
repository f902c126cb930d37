import Glibc

/// Follows the hash chain through the audit trail. Blocking; gateways go on writing meanwhile.
package struct AuditTrailVerifier {
    /// A place where the chain is broken.
    package struct Fault: Sendable, Hashable {
        /// Whose file.
        package let day: String
        /// The lines among which it is, from 1.
        package let lines: ClosedRange<Int>
        /// What is wrong, in words.
        package let problem: String
    }

    /// What was found.
    package struct Report: Sendable {
        /// Days in the folder, oldest first.
        package fileprivate(set) var days: [String] = []
        /// Lines that a seal covers and confirms.
        package fileprivate(set) var sealedLines = 0
        /// Lines after the last seal of all.
        package fileprivate(set) var unsealedLines = 0
        /// Whether the trail is there from its beginning; otherwise retention took the oldest days.
        package fileprivate(set) var isFromTheBeginning = false
        /// The last seal: who notes it elsewhere can ask for it later.
        package fileprivate(set) var head: AuditSeal?
        /// Whether the seal that was asked for is in the chain.
        package fileprivate(set) var hasNoted = false
        /// Every place where the chain is broken.
        package fileprivate(set) var faults: [Fault] = []
    }

    private static let chunk = 1 << 20

    private let folder: AuditFolder
    private let digest: AuditSeal.Digest

    /// Reads the files of `folder`, which may be missing.
    package init(folder: String, digest: @escaping AuditSeal.Digest) {
        self.folder = AuditFolder(path: folder)
        self.digest = digest
    }

    /// Follows the chain from the oldest day on, and looks whether `noted` is in it.
    package func verify(noted: AuditSeal?) -> Report {
        // Sizes are taken while nobody writes: no file ends in the middle of a write then.
        let files = folder.locked { folder.days().map { ($0, size($0)) } }
        var report = Report()
        var previous: (day: String, seal: AuditSeal)?
        for (day, size) in files {
            var walk = AuditFileWalk(day: day, noted: noted, digest: digest)
            read(day, size) { walk.take($0) }
            walk.finish(size: size)
            report.unsealedLines = walk.unsealedLines
            report.add(walk, after: previous)
            previous = (day, walk.closing)
        }
        return report
    }

    private func size(_ day: String) -> Int {
        let descriptor = unsafe open(folder.file(day), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        return AuditFolder.size(of: descriptor)
    }

    // Pieces of the file that end with a line, but for the last one.
    private func read(_ day: String, _ size: Int, _ body: (ArraySlice<UInt8>) -> Void) {
        let descriptor = unsafe open(folder.file(day), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var start = 0
        var pending: [UInt8] = []
        while start < size {
            let bytes = AuditFolder.read(descriptor, from: start, to: min(size, start + Self.chunk))
            guard !bytes.isEmpty else { break }
            start += bytes.count
            pending += bytes
            guard let end = pending.lastIndex(of: UInt8(ascii: "\n")) else { continue }
            body(pending[...end])
            pending.removeFirst(end + 1)
        }
        if !pending.isEmpty { body(pending[...]) }
    }
}

extension AuditTrailVerifier.Report {
    fileprivate mutating func add(_ walk: AuditFileWalk, after previous: (day: String, seal: AuditSeal)?) {
        days.append(walk.day)
        sealedLines += walk.sealedLines
        hasNoted = hasNoted || walk.hasNoted
        head = walk.lastSeal ?? head
        if let problem = walk.openingProblem(after: previous) {
            faults.append(.init(day: walk.day, lines: 1...1, problem: problem))
        }
        if previous == nil { isFromTheBeginning = walk.opening?.isThere == true && walk.opening?.day == nil }
        faults += walk.faults
    }
}

/// The chain through one file.
private struct AuditFileWalk {
    let day: String
    let noted: AuditSeal?
    let digest: AuditSeal.Digest
    var opening: AuditOpening?
    var sealedLines = 0
    var lastSeal: AuditSeal?
    var hasNoted = false
    var faults: [AuditTrailVerifier.Fault] = []
    private var seal = AuditSeal.genesis
    private var unsealed: [UInt8] = []
    private var line = 0
    private var read = 0
    private(set) var unsealedLines = 0

    init(day: String, noted: AuditSeal?, digest: @escaping AuditSeal.Digest) {
        (self.day, self.noted, self.digest) = (day, noted, digest)
    }

    /// What the next day's file must continue.
    var closing: AuditSeal {
        unsealed.isEmpty ? seal : AuditSeal(after: seal, unsealed[...], digest: digest)
    }

    /// Takes the next piece of the file: whole lines, but for the last piece.
    mutating func take(_ bytes: ArraySlice<UInt8>) {
        read += bytes.count
        if opening == nil {
            let opening = AuditOpening(bytes)
            self.opening = opening
            seal = opening.seal
        }
        var rest = bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            take(line: rest[rest.startIndex..<end])
            rest = rest[(end + 1)...]
        }
        unsealed += rest
        if !rest.isEmpty { unsealedLines += 1 }
    }

    private mutating func take(line text: ArraySlice<UInt8>) {
        line += 1
        guard let (written, count) = AuditSeal.atEnd(of: text) else {
            unsealed += text + [UInt8(ascii: "\n")]
            unsealedLines += 1
            return
        }
        let computed = AuditSeal(after: seal, (unsealed + text.prefix(count))[...], digest: digest)
        let covered = (line - unsealedLines)...line
        if computed == written {
            sealedLines += covered.count
        } else {
            faults.append(
                .init(
                    day: day, lines: covered,
                    problem: "does not match its seal: something was changed, removed or put in"))
        }
        hasNoted = hasNoted || written == noted
        (seal, lastSeal) = (written, written)
        unsealed.removeAll(keepingCapacity: true)
        unsealedLines = 0
    }

    /// Says when less could be read than there is.
    mutating func finish(size: Int) {
        guard read < size else { return }
        faults.append(.init(day: day, lines: (line + 1)...(line + 1), problem: "cannot be read from here on"))
    }

    /// What is wrong with how the file continues the one before it.
    func openingProblem(after previous: (day: String, seal: AuditSeal)?) -> String? {
        guard let opening, opening.isThere else { return "does not begin with the seal that it continues" }
        guard let previous else { return nil }
        guard let day = opening.day else { return "begins a new trail, although \(previous.day) is there" }
        guard day == previous.day else {
            return day > previous.day
                ? "continues \(day), which is missing" : "continues \(day), although \(previous.day) is there"
        }
        return opening.seal == previous.seal
            ? nil : "does not continue the end of \(day): lines at that end were changed, removed or put in"
    }
}
