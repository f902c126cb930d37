import Glibc

/// A client that takes its time: the slowness is what is tested.
enum Pause {
    static func seconds(_ seconds: Double) {
        usleep(UInt32(seconds * 1_000_000))
    }
}
