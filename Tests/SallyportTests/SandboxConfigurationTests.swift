import AsyncIO
import Foundation
import TestSupport
import Testing

@testable import Sallyport

@Suite("sandbox, user and limits in the configuration")
struct SandboxConfigurationTests {
    static let bad: [BadConfiguration] = [
        .init(
            "read: missing", "servers: {a: {command: cat, sandbox: {read: [/nowhere/at-all]}}}\n",
            "servers.a.sandbox.read[0]", "no file or folder /nowhere/at-all"),
        .init(
            "write: no list", "servers: {a: {command: cat, sandbox: {write: /tmp}}}\n", "servers.a.sandbox.write",
            "expected a list", hint: "[a, b]"),
        .init(
            "network: word", "servers: {a: {command: cat, sandbox: {network: none}}}\n", "servers.a.sandbox.network",
            "expected true or false"),
        .init(
            "sandbox: unknown key", "servers: {a: {command: cat, sandbox: {reads: []}}}\n", "servers.a.sandbox.reads",
            "unknown key", hint: "did you mean \"read\""),
        .init("sandbox: a word", "servers: {a: {command: cat, sandbox: yes}}\n", "servers.a.sandbox", "a mapping"),
        .init(
            "P09: read with the data directory in it",
            "data_dir: state\nservers: {a: {command: cat, sandbox: {read: [/]}}}\n", "servers.a.sandbox.read[0]",
            "would show the server data_dir", hint: "narrower"),
        .init(
            "P09: read with the configuration in it", "servers: {a: {command: cat, sandbox: {read: [.]}}}\n",
            "servers.a.sandbox.read[0]", "would show the server the configuration"),
        .init(
            "P09: write into the data directory",
            "data_dir: state\nservers: {a: {command: cat, sandbox: {write: [state/audit]}}}\n",
            "servers.a.sandbox.write[0]", "would show the server data_dir"),
        .init(
            "P09: a link to the data directory",
            "data_dir: state\nservers: {a: {command: cat, sandbox: {read: [link]}}}\n", "servers.a.sandbox.read[0]",
            "would show the server data_dir"),
        .init(
            "P09: a working directory with the data directory in it",
            "data_dir: state\nservers: {a: {command: cat, working_directory: ., sandbox: {}}}\n",
            "servers.a.working_directory", "would show the server data_dir"),
        .init(
            "P09: a data directory in a folder that every sandbox shows",
            "data_dir: /usr/share/state\nservers: {a: {command: cat, sandbox: {}}}\n", "servers.a.sandbox",
            "/usr would show the server data_dir"),
        .init(
            "P09: a virtual environment with the data directory in it",
            "data_dir: state\nservers: {a: {command: bin/tool, sandbox: {}}}\n", "servers.a.command",
            "would show the server data_dir"),
        .init(
            "user: unknown", "servers: {a: {command: cat, user: no-such-user}}\n", "servers.a.user",
            "no user \"no-such-user\""),
        .init("user: root", "servers: {a: {command: cat, user: root}}\n", "servers.a.user", "must not be given root"),
        .init("cpu: none", "servers: {a: {command: cat, limits: {cpu: 0}}}\n", "servers.a.limits.cpu", "from 0.01 to"),
        .init(
            "cpu: a word", "servers: {a: {command: cat, limits: {cpu: half}}}\n", "servers.a.limits.cpu",
            "expected a number"),
    ]

    @Test("O03: refused with place and reason", arguments: bad)
    func refused(_ bad: BadConfiguration) throws {
        let file = try ConfigurationFile(bad.text)
        try file.directory.makeFolder("state/audit")
        try file.directory.makeFolder("bin")
        try file.directory.write("bin/tool", "", mode: 0o755)
        try file.directory.write("pyvenv.cfg", "home = /usr/bin\n")
        _ = unsafe chmod(file.directory.file("state"), 0o700)
        try FileManager.default.createSymbolicLink(
            atPath: file.directory.file("link"), withDestinationPath: "state")
        let errors = file.errors()
        let problem = try #require(
            errors.first { $0.path == bad.path && $0.message.contains(bad.message) }, "got: \(errors.map(\.text))")
        #expect(bad.hint.isEmpty || problem.hint?.contains(bad.hint) == true, "hint: \(problem.hint ?? "none")")
    }

    @Test func readAsWritten() throws {
        let file = try ConfigurationFile(
            """
            data_dir: state
            servers:
              a: {command: cat, sandbox: {read: [shown], write: [/var/tmp], network: true}, limits: {cpu: 1.25}}
              b: {command: cat, sandbox: , user: daemon}
              c: {command: cat}
            """)
        try file.directory.makeFolder("shown")
        let servers = try file.load().servers
        #expect(
            servers[0].sandbox
                == .init(read: [file.directory.file("shown")], write: ["/var/tmp"], network: true))
        #expect(servers[0].processorLimit == 1.25)
        #expect(servers[1].sandbox == .init(read: [], write: [], network: false), "silence means no")
        #expect(servers[1].user?.name == "daemon")
        #expect(servers[2].sandbox == nil && servers[2].user == nil && servers[2].processorLimit == nil)
    }

    @Test("a script that the sandbox hides is told")
    func hiddenScript() throws {
        let file = try ConfigurationFile(
            "data_dir: state\nservers: {a: {command: cat, args: [-u, SCRIPT], sandbox: {}}}\n")
        let script = try file.directory.write("script", "")
        let text =
            "data_dir: state\nservers: {a: {command: cat, args: [-u, \(script), /usr/bin/env], sandbox: {READ}}}\n"
        try file.directory.write("sallyport.yaml", text.replacing("READ", with: ""))
        let notes = try file.load().notices.map(\.text).filter { $0.contains("cannot read") }
        #expect(notes.count == 1 && notes[0].contains(script) && notes[0].contains("add it"), "\(notes)")
        try file.directory.write("sallyport.yaml", text.replacing("READ", with: "read: [\(script)]"))
        #expect(try !file.load().notices.contains { $0.text.contains("cannot read") })
    }

    @Test("numbers with a fraction", arguments: [("1", 1.0), ("0.5", 0.5), ("12.125", 12.125), ("1.0", 1.0)])
    func decimals(text: String, value: Double) {
        #expect(Units.decimal(text) == value)
    }

    @Test(
        "what is no such number", arguments: ["", ".", "1.", ".5", "+1", "-1", "1e3", "0x1", "1.2345", "1,5", "1.2.3"])
    func noDecimals(text: String) {
        #expect(Units.decimal(text) == nil)
    }
}
