import Foundation
import TestSupport
import Testing

@testable import Sallyport

@Suite("Command line")
struct CommandLineTests {
    static let syntax = CommandSyntax(
        options: ["--listen", "--name"], flags: ["--json"], words: ["NAME"], wordsAreOptional: true, takesCommand: true)

    @Test("options, flags, words and the command after --")
    func parsing() throws {
        let parsed = try ParsedArguments(
            ["--listen=a=b", "x", "--json", "--name", "-", "--", "cmd", "--listen", "--"], syntax: Self.syntax)
        #expect(parsed["--listen"] == "a=b")
        #expect(parsed["--name"] == "-")
        #expect(parsed.words == ["x"])
        #expect(parsed.has("--json"))
        #expect(parsed.command == ["cmd", "--listen", "--"])
    }

    @Test(
        "mistakes name what would be right",
        arguments: [
            (["--listn", "x"], "did you mean --listen?"), (["--listen"], "explains"), (["--json=1"], "explains"),
            (["--name", "a", "--name", "b"], "explains"), (["a", "b"], "after --"),
        ])
    func mistakes(_ arguments: [String], _ hint: String) {
        let failure = #expect(throws: CommandFailure.self) {
            _ = try ParsedArguments(arguments, syntax: Self.syntax)
        }
        #expect(failure?.code == .usage)
        #expect(failure?.hint?.contains(hint) == true)
    }

    @Test("every command has a help text that says how it is used")
    func help() {
        for (name, text) in Help.commands {
            #expect(text.hasPrefix("usage: sallyport \(name)"))
            #expect(Help.overview.contains("  \(name)"))
            #expect(text.split(separator: "\n").allSatisfy { $0.count <= 120 })
        }
        let twice = Set(Help.everyday.keys).intersection(Help.administration.keys)
        #expect(twice.isEmpty, "one of two texts is never shown")
    }

    @Test("suggestions are near or absent")
    func suggestions() {
        let words = ["listen", "logging", "login"]
        #expect(Suggestion.nearest(to: "Listen", among: words) == "listen")
        #expect(Suggestion.nearest(to: "lsiten", among: words) == "listen")
        #expect(Suggestion.nearest(to: "banana", among: words) == nil)
        #expect(Suggestion.nearest(to: String(repeating: "x", count: 100_000), among: words) == nil)
    }
}

@Suite("Commands of the user")
struct CommandWordsTests {
    @Test(
        "P01: a command line is split into words and nothing else",
        arguments: [
            ("uvx mcp-server-time", ["uvx", "mcp-server-time"]), ("  a\t b\n", ["a", "b"]),
            (#"a "b c" 'd "e"' f\ g"#, ["a", "b c", #"d "e""#, "f g"]), (#"a "" ''"#, ["a", "", ""]),
            (#"a"b"c"#, ["abc"]), (#"a "\"\\x""#, ["a", #""\x"#]),
            ("a; rm -rf $HOME && `b` > c | d", ["a;", "rm", "-rf", "$HOME", "&&", "`b`", ">", "c", "|", "d"]), ("", []),
        ])
    func words(_ text: String, _ words: [String]) {
        #expect(CommandWords.split(text) == words)
    }

    @Test("a quote that is not closed is an error", arguments: ["a 'b", "\"", "a\\"])
    func unclosed(_ text: String) {
        #expect(CommandWords.split(text) == nil)
    }

    @Test(
        "a server gets its name from its command",
        arguments: [
            ("uvx mcp-server-time", "time"), ("npx -y @modelcontextprotocol/server-filesystem@1.0 /tmp", "filesystem"),
            ("/opt/bin/notes-mcp", "notes"), ("python3 -m mcp_server_git", "git"), ("node /srv/weather.js", "weather"),
            ("uvx", "uvx"), ("/bin/token", "server"), ("日本", "server"), ("uv tool run --from x y", "x"),
        ])
    func names(_ command: String, _ name: String) {
        #expect(ServerName.of(command.split(separator: " ").map(String.init)) == name)
    }
}

@Suite("user, without a gateway")
struct UserCommandTests {
    private func run(_ words: String..., directory: String) -> ExitCode {
        Program.run(["user"] + words + ["--data-dir", directory], environment: ["HOME": "/nonexistent"])
    }

    @Test("accounts are made, listed and removed; a mistyped directory does not become a store")
    func accounts() throws {
        let directory = try TemporaryDirectory("user")
        let data = directory.file("data")
        #expect(run("list", directory: data) == .noInput)
        #expect(!FileManager.default.fileExists(atPath: data))
        #expect(run("add", "ada", "--admin", "--groups", "a,b", directory: data) == .success)
        #expect(run("add", "ada", directory: data) == .dataError)
        #expect(run("list", "--json", directory: data) == .success)
        #expect(run("disable", "ada", directory: data) == .success)
        #expect(run("remove", "bob", directory: data) == .noUser)
        #expect(run("remove", "ada", directory: data) == .success)
        #expect(run("ad", "ada", directory: data) == .usage || run("ad", "ada", directory: data) == .noInput)
        #expect(run("add", directory: data) == .usage)
    }

    @Test("mistakes end with the codes of sysexits.h")
    func exitCodes() throws {
        func run(_ words: String...) -> ExitCode { Program.run(words, environment: [:]) }
        #expect(run("sevre") == .usage)
        #expect(run("serve", "--listn", "x") == .usage)
        #expect(run("serve", "--listen", "nowhere") == .configuration)
        #expect(run("serve", "--config", "/no/such/file") == .configuration)
        #expect(run("run") == .usage)
        #expect(run("run", "--", "/no/such/program") == .noInput)
        #expect(run("run", "--name", "a b", "--", "/bin/cat") == .usage)
        #expect(run("bridge") == .usage)
        #expect(Program.run(["bridge"], environment: ["SERVER_COMMAND": "a 'b"]) == .usage)
        #expect(
            Program.run(["bridge", "--", "/bin/cat"], environment: ["SESSION_TIMEOUT": "soon"]) == .usage)
        #expect(
            Program.run(["bridge", "--", "/bin/cat"], environment: ["MCP_PROTOCOL_VERSION": "1"]) == .usage)
        #expect(run("import", "/no/such/file") == .noInput)
    }

    @Test("F13: serve refuses a damaged store and says what to do")
    func damagedStore() throws {
        let directory = try TemporaryDirectory("damaged")
        try directory.write("sallyport.db", String(repeating: "x", count: 9000))
        #expect(Program.run(["serve", "--data-dir", directory.path], environment: [:]) == .cannotCreate)
    }
}
