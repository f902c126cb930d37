import Glibc
import JSON

/// Where the chain stands at the end of a file.
struct AuditFileEnd {
    /// The last seal, or, without any, the one that the file says it continues.
    let seal: AuditSeal
    /// What was written after it: by a gateway that was killed while it wrote.
    let unsealed: [UInt8]

    private static let window = 64 * 1024

    /// Reads the end of an open file of `size` bytes. What cannot be read is a failure and no end: a chain that goes on from an
    /// older seal looks like one that somebody cut.
    init(_ descriptor: Int32, size: Int) throws(AuditFailure) {
        var length = min(size, Self.window)
        while true {
            let bytes = AuditFolder.read(descriptor, from: size - length, to: size)
            guard bytes.count == length else { throw AuditFailure(code: EIO) }
            if let (seal, end) = Self.lastSeal(in: bytes, isWhole: length == size) {
                self.init(seal: seal, unsealed: Array(bytes[end...]))
                return
            }
            guard length < size else {
                self.init(seal: AuditOpening(bytes).seal, unsealed: bytes)
                return
            }
            length = min(size, length * 4)
        }
    }

    private init(seal: AuditSeal, unsealed: [UInt8]) {
        self.seal = seal
        self.unsealed = unsealed
    }

    /// What the file of the next day continues.
    func closing(_ digest: AuditSeal.Digest) -> AuditSeal {
        unsealed.isEmpty ? seal : AuditSeal(after: seal, unsealed[...], digest: digest)
    }

    // The first line of a part may lack its beginning; its seal is whole all the same.
    private static func lastSeal(in bytes: [UInt8], isWhole: Bool) -> (AuditSeal, end: Int)? {
        var end = bytes.lastIndex(of: UInt8(ascii: "\n"))
        while let lineEnd = end {
            let before = bytes[..<lineEnd].lastIndex(of: UInt8(ascii: "\n"))
            if let found = AuditSeal.atEnd(of: bytes[((before ?? -1) + 1)..<lineEnd]) {
                return (found.seal, lineEnd + 1)
            }
            end = before
        }
        return nil
    }
}

/// What the first line of a day's file says: which seal it continues.
struct AuditOpening {
    /// The seal; of zeros when nothing came before.
    let seal: AuditSeal
    /// The day of the file with that seal; nil when this is the first.
    let day: String?
    /// Whether there is such a line.
    let isThere: Bool

    /// Reads the first line of `bytes`.
    init(_ bytes: some Collection<UInt8>) {
        let line = Array(bytes.prefix { $0 != UInt8(ascii: "\n") })
        let root = (try? JSONDocument(parsing: line))?.root
        let action = root?["action"]?.string
        let detail = root?["detail"]
        let previous = detail?["previous"]?.string.flatMap { AuditSeal($0.utf8) }
        let isContinued = action == AuditAction.trailContinued.rawValue && previous != nil
        isThere = isContinued || action == AuditAction.trailStarted.rawValue
        seal = isContinued ? previous ?? .genesis : .genesis
        day = isContinued ? detail?["day"]?.string : nil
    }

    /// The line itself, as an event.
    static func event(at time: Timestamp, after previous: (day: String, seal: AuditSeal)?) -> AuditEvent {
        guard let previous else { return AuditEvent(time: time, action: .trailStarted) }
        return AuditEvent(
            time: time, action: .trailContinued,
            detail: [("day", previous.day), ("previous", previous.seal.description)])
    }
}
