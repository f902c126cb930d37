import AsyncIO

/// Reads `user` and `sandbox` of a server.
struct SandboxReader {
    let context: ConfigurationContext

    /// `sandbox`: there, even without content, it confines.
    func read(_ section: ConfigurationSection?, into server: inout ServerSettings) {
        guard var section else { return }
        var sandbox = ChildProcess.Sandbox()
        sandbox.read = paths(section.value("read"))
        sandbox.write = paths(section.value("write"))
        if let network = section.value("network")?.boolean() { sandbox.network = network }
        section.finish(hints: ["allow_network": "did you mean \"network\"?"])
        if let obstacle = ChildProcess.Sandbox.obstacle {
            context.note(
                section.path, line: section.line, "this server will not start here: \(obstacle)",
                hint: "run it on a machine that can, or in a container without this key")
        }
        server.sandbox = sandbox
        noteHiddenArguments(of: server, sandbox, section)
    }

    /// `user`, which must exist.
    func readUser(_ value: ConfigurationValue?, into server: inout ServerSettings) {
        guard let value, let name = value.nonEmptyString() else { return }
        guard let user = SystemUser.named(name) else {
            return value.refuse("there is no user \"\(name)\" on this machine")
        }
        guard user.number != 0 else {
            return value.refuse("a server must not be given root", hint: "name an account of its own")
        }
        if !user.isWithinReach {
            value.note("this server will not start: only root can run it as \(name)")
        }
        if server.workingDirectory == nil, !FileMode.isDirectory(user.home) {
            value.note(
                "this server will not start: the home of \(name), \(user.home), does not exist",
                hint: "set working_directory")
        }
        server.user = user
    }

    private func paths(_ value: ConfigurationValue?) -> [String] {
        guard let list = value?.list() else { return [] }
        return list.compactMap { entry in
            guard let text = entry.nonEmptyString() else { return nil }
            let path = context.absolutePath(text)
            guard FileSystem.exists(path) else {
                entry.refuse("there is no file or folder \(path)")
                return nil
            }
            return path
        }
    }

    /// A script that the server is told to run and cannot read would be searched for long.
    private func noteHiddenArguments(
        of server: ServerSettings, _ sandbox: ChildProcess.Sandbox, _ section: ConfigurationSection
    ) {
        let visible =
            ChildProcess.Sandbox.systemPaths + sandbox.read + sandbox.write
            + [server.workingDirectory].compactMap { $0 }
        for argument in server.arguments where argument.hasPrefix("/") && FileSystem.exists(argument) {
            guard !visible.contains(where: { FilePath.contains($0, argument) }) else { continue }
            context.note(
                section.path, line: section.line, "the server cannot read \(argument), which is one of its args",
                hint: "add it, or its folder, to read")
        }
    }
}
