internal import CHiredis

/// A command as bytes: every argument with its length before it, so that no argument can end another one (S01).
enum RESPCommand {
    /// The bytes that go over the wire.
    static func encode(_ arguments: [[UInt8]]) -> [UInt8] {
        var content: [UInt8] = []
        for argument in arguments { content += argument }
        // One byte more, so that even empty arguments have an address.
        content.append(0)
        let lengths = arguments.map(\.count)
        return unsafe content.withUnsafeBytes { buffer in
            var position = unsafe buffer.baseAddress?.assumingMemoryBound(to: CChar.self)
            var pointers: [UnsafePointer<CChar>?] = unsafe []
            for length in lengths {
                unsafe pointers.append(unsafe position)
                unsafe position = unsafe position?.advanced(by: length)
            }
            var target: UnsafeMutablePointer<CChar>?
            let count = unsafe redisFormatCommandArgv(&target, Int32(lengths.count), &pointers, lengths)
            // Fails only without memory, when the process cannot go on anyway.
            guard count > 0, let bytes = unsafe target else { fatalError("out of memory") }
            defer { unsafe redisFreeCommand(bytes) }
            return unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(count)))
        }
    }

    /// The same for words of our own.
    static func encode(_ words: String...) -> [UInt8] { encode(words.map { Array($0.utf8) }) }
}
