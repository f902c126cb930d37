import CLibUV
import Glibc

extension Launcher {
    /// The hidden command of a template.
    static let templateCommand = "__launcher-template"
    /// How many bytes of a label are shown in lists of processes.
    static let labelRoom = 64

    /// The template's life: it becomes a launcher for each request. Descriptor 3 is the socket to the gateway; nothing of
    /// the gateway's memory is here, only the program as it was started.
    static func runTemplate() -> Never {
        unsafe sp_set_name("sallyport-spawn")
        // A session of its own: the terminal's ^C reaches the gateway alone.
        setsid()
        // What who started the gateway left open is nothing to a process that lives as long as that.
        sp_close_from(4)
        // Beyond the numbers that a launcher has.
        let socket = sp_duplicate_cloexec(3, 64)
        _ = Glibc.close(3)
        guard socket >= 0 else { _exit(1) }
        sp_refuse_tracing()
        var label = [UInt8](repeating: 0, count: 1 + labelRoom)
        var descriptors = [Int32](repeating: -1, count: Int(SP_MOST_PASSED))
        while true {
            var number: Int32 = 0
            let count = unsafe sp_receive_descriptors(socket, &label, label.count, &descriptors, &number)
            // The gateway is gone, and nothing of ours shall stay.
            if count <= 0 { _exit(0) }
            let received = Array(descriptors.prefix(Int(number)))
            var launcher = sp_fork_sibling()
            if launcher == 0 { becomeLauncher(received, label: label[1..<count]) }
            if launcher < 0 { launcher = -errno }
            for descriptor in received { _ = Glibc.close(descriptor) }
            if unsafe Glibc.send(socket, &launcher, MemoryLayout<Int32>.size, Int32(MSG_NOSIGNAL)) < 0 { _exit(0) }
        }
    }

    /// In a copy: takes the descriptors as 0, 1, 2, … and is a launcher like one that was started.
    private static func becomeLauncher(_ descriptors: [Int32], label: ArraySlice<UInt8>) -> Never {
        sp_allow_tracing()
        // They came as the lowest free numbers, from 3 on, so none is overwritten before it is moved.
        for (target, source) in descriptors.enumerated() where dup2(source, Int32(target)) < 0 { _exit(1) }
        sp_close_from(Int32(descriptors.count))
        show(label)
        main()
    }

    /// Writes command and label where lists of processes look for the arguments.
    private static func show(_ label: ArraySlice<UInt8>) {
        guard ProgramArguments.count == 3, let command = unsafe ProgramArguments.word(1),
            let room = unsafe ProgramArguments.word(2)
        else { return }
        // The kernel lays arguments one behind the other; what is not so is left as it is.
        let length = unsafe strlen(command) + 1
        guard unsafe command + length == room else { return }
        let text = Array(Launcher.command.utf8) + [0] + label
        let space = length + labelRoom
        for offset in 0..<space {
            unsafe command[offset] = offset < text.count ? CChar(bitPattern: text[offset]) : 0
        }
    }
}
