import CLibUV
import Glibc

/// An object that owns a libuv handle and must let go of it when its loop stops.
protocol LoopResource: AnyObject {
    /// Closes the handle; called on the loop.
    func loopWillStop()
}

/// The memory of one libuv handle.
///
/// The handle keeps its owner alive from ``attach(_:)`` until libuv's close callback, which also frees the memory; so
/// no callback of libuv ever meets a dead owner.
@safe struct UVHandle {
    let pointer: UnsafeMutableRawPointer

    /// Zeroed memory for a handle of `type`, not yet known to libuv.
    init(_ type: uv_handle_type) {
        // calloc of a few hundred bytes fails only when the process cannot go on anyway.
        guard let memory = unsafe calloc(1, uv_handle_size(type)) else { fatalError("out of memory") }
        unsafe pointer = memory
    }

    /// Makes `owner` the one that the handle's callbacks find; from now on ``close()`` must be called once.
    func attach(_ owner: some LoopResource) {
        unsafe sp_set_data(pointer, Unmanaged<AnyObject>.passRetained(owner).toOpaque())
    }

    /// Frees memory that libuv does not know: for initialisations that failed.
    func discard() {
        unsafe free(pointer)
    }

    /// Stops the handle at once, then releases owner and memory in libuv's close callback.
    func close() {
        guard unsafe uv_is_closing(sp_handle(pointer)) == 0 else { return }
        unsafe uv_close(sp_handle(pointer)) { handle in
            guard let handle = unsafe handle else { return }
            if let data = unsafe sp_data(handle) {
                unsafe Unmanaged<AnyObject>.fromOpaque(data).release()
            }
            unsafe free(handle)
        }
    }

    /// The owner of the handle that a callback received.
    static func owner<Owner: AnyObject>(_ handle: UnsafeMutableRawPointer?, as: Owner.Type) -> Owner? {
        guard let handle = unsafe handle, let data = unsafe sp_data(handle) else { return nil }
        return unsafe Unmanaged<Owner>.fromOpaque(data).takeUnretainedValue()
    }
}
