import CLibUV
import Glibc

extension ChildProcess {
    /// The same child with its streams on `loop`; this value is of no use any more.
    ///
    /// For a child that was started before it was known where it will be used: nothing may have been written to it, and
    /// nothing of its output read. What it complained and nobody read yet comes over. Where this fails the child is gone.
    package func moved(to loop: EventLoop) async throws(SpawnError) -> ChildProcess {
        let released: Handover
        do throws(IOError) {
            released = try core.release()
        } catch {
            await kill()
            throw .launcherFailed
        }
        let core = try await ProcessCore.adopt(released, as: pid, on: loop)
        return ChildProcess(core, pid: pid, companion: companion)
    }
}

extension ProcessCore {
    /// Lets go of the process: copies of its descriptors, for another loop. What its launcher says meanwhile waits in the
    /// socket.
    fileprivate func release() throws(IOError) -> Handover {
        guard exitStatus == nil, !hasLauncherEnded, messages.isEmpty else { throw .closed }
        let process = LaunchedProcess(
            launcher: launcher, processDescriptor: try processDescriptor.duplicate(lowest: 0),
            input: try input.duplicate(), output: try output.duplicate(), error: try error.duplicate(),
            control: try control.duplicate())
        watch?.close()
        watch = nil
        abandon()
        return Handover(process)
    }
}

extension StreamCore {
    /// Its descriptor once more, under another number; only while nothing waits to be read or written.
    func duplicate() throws(IOError) -> FileDescriptor {
        assertLoop()
        guard !isClosed, pending.isEmpty, queuedWrites == 0 else { throw .closed }
        var descriptor: Int32 = -1
        let code = unsafe uv_fileno(sp_handle(handle.pointer), &descriptor)
        guard code == 0 else { throw IOError(code: code) }
        let copy = sp_duplicate_cloexec(descriptor, 0)
        guard copy >= 0 else { throw .last }
        return FileDescriptor(owning: copy)
    }
}
