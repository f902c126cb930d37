/// Bytes both ways on one loop, whatever carries them: a ``ByteStream`` in the clear, or a ``TLSStream`` over one.
package protocol DuplexStream: AnyObject, Sendable {
    /// The loop on which it lives, and on which alone it is used.
    var loop: EventLoop { get }

    /// The next bytes as soon as there are any; nil when the peer has ended. One task reads at a time.
    func read() async throws(IOError) -> [UInt8]?

    /// The same, failing with ``IOError/timedOut`` when nothing has come until `deadline`.
    func read(until deadline: LoopInstant) async throws(IOError) -> [UInt8]?

    /// Sends `bytes`, suspending until the kernel has taken them.
    func write(_ bytes: [UInt8]) async throws(IOError)

    /// Sends what the kernel takes at once; false when bytes were left over, which then go out in order by themselves.
    @discardableResult
    func writeWithoutWaiting(_ bytes: [UInt8]) throws(IOError) -> Bool

    /// Closes it at once; waiting reads and writes fail with ``IOError/closed``.
    func close()
}

extension ByteStream: DuplexStream {}
