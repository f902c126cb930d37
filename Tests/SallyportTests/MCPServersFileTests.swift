import AsyncIO
import Foundation
import Gateway
import HTTP
import Telemetry
import TestSupport
import Testing

@testable import Sallyport

@Suite("mcpServers files")
struct MCPServersTests {
    static let desktop = """
        {
          "globalShortcut": "Ctrl+Space",
          "mcpServers": {
            "time": {"command": "cat", "args": ["-u"], "env": {"TZ": "UTC", "PORT": 8080, "KEY": "${KEY}"}},
            "My Files": {"command": "cat", "args": ["$HOME", "file:x"], "env": {"U": "file:./dev.db"}, "autoApprove": []},
            "old": {"command": "nope", "disabled": true}
          }
        }
        """

    @Test("a Claude Desktop file is taken as it is")
    func asItIs() throws {
        let file = try ConfigurationFile(Self.desktop, name: "claude_desktop_config.json")
        let configuration = try file.load(["KEY": "k"])
        #expect(configuration.origin == .mcpServers(file.path))
        #expect(configuration.servers.map(\.name) == ["time", "my-files"])
        #expect(configuration.servers[0].environment == ["TZ": "UTC", "PORT": "8080", "KEY": "k"])
        #expect(configuration.servers[1].arguments == ["$HOME", "file:x"])
        #expect(configuration.servers[1].environment == ["U": "file:./dev.db"])
        #expect(file.errors().first?.path == "mcpServers.time.env.KEY")
        #expect(file.errors().first?.line == 4)
    }

    @Test(
        "what a host has switched off is not for clients here: servers by either of the two keys, and tools"
    )
    func switchedOff() throws {
        let text = """
            {"mcpServers": {
              "a": {"command": "cat", "enabled": false}, "b": {"command": "cat", "disabled": true},
              "c": {"command": "cat", "enabled": true, "disabledTools": ["rm"]},
              "d": {"command": "cat", "disabled": false, "disabledTools": []}}}
            """
        let file = try ConfigurationFile(text, name: "c.json")
        let configuration = try file.load()
        #expect(configuration.servers.map(\.name) == ["c", "d"])
        #expect(configuration.notices.map(\.path) == ["mcpServers.a", "mcpServers.b"])
        #expect(configuration.servers.map(\.tools.deny) == [["rm"], []])
        let imported = MCPServersImport.yaml(of: Array(text.utf8), file: file.path)
        let yaml = try ConfigurationFile(try #require(imported.yaml) + "\n")
        #expect(try yaml.load().servers.map(\.name) == ["c", "d"])
        #expect(try yaml.load().servers.map(\.tools.deny) == [["rm"], []])
    }

    @Test("tools of a server are allowed, denied and renamed")
    func tools() throws {
        let file = try ConfigurationFile(
            """
            servers:
              a: {command: cat, tools: {allow: [get_*, echo], deny: ["*_secret"], rename: {echo: say}}}
              b: {command: cat, tools: {allow: []}}
              c: {command: cat}
            """)
        let configuration = try file.load()
        let tools = configuration.servers.map(\.tools)
        #expect(tools[0] == ToolSettings(allow: ["get_*", "echo"], deny: ["*_secret"], rename: ["echo": "say"]))
        #expect(tools[1].allow.isEmpty && configuration.notices.contains { $0.path == "servers.b.tools.allow" })
        #expect(tools[2] == ToolSettings())
    }

    @Test(
        "mistakes in it are told with line and hint",
        arguments: [
            (#"{"mcpServers": {"a": {"command": "cat"},}}"#, "", "comma"),
            ("{\n// x\n\"mcpServers\": {}}", "", "no comments"),
            (#"{"mcpServers": {"a": {"command": "cat"}, "a": {"command": "cat"}}}"#, "", ""),
            (#"{"mcpServers": {"a": {"args": []}}}"#, "mcpServers.a", ""),
            (#"{"mcpServers": {"a": {"url": "x.example"}}}"#, "mcpServers.a.url", "https://"),
            (#"{"mcpServers": {"a": {"url": "https://x.example", "type": "ws"}}}"#, "mcpServers.a.type", "sse"),
            (#"{"mcpServers": {"a": {"command": "cat", "type": "sse"}}}"#, "mcpServers.a.type", ""),
            (
                #"{"mcpServers": {"a b": {"command": "cat"}, "A-B": {"command": "cat"}, "a.b": {"command": "cat"}}}"#,
                "mcpServers.a.b", "rename"
            ),
            (#"{"mcpServers": {"日本": {"command": "cat"}}}"#, "mcpServers.日本", "rename"),
            (#"{"mcpServers": []}"#, "mcpServers", ""),
            ("", "", ""),
        ])
    func mistakes(_ text: String, _ path: String, _ hint: String) throws {
        let problem = try #require(try ConfigurationFile(text, name: "c.json").errors().first)
        #expect(problem.path == path)
        #expect(hint.isEmpty || problem.hint?.contains(hint) == true, "\(problem.text)")
    }

    @Test("what is no JSON is said once")
    func noJSON() throws {
        let problem = try #require(try ConfigurationFile("{]", name: "c.json").errors().first)
        #expect(problem.message == "not valid JSON at byte 1")
        let cut = try #require(try ConfigurationFile("{", name: "c.json").errors().first)
        #expect(cut.message == "not valid JSON: the JSON text ends too early, at byte 1")
    }

    @Test("import writes a configuration that means the same")
    func roundTrip() throws {
        let awkward = """
            {"mcpServers": {
              "a": {"command": "/bin/cat", "args": ["", "- x", "#no", "a: b", "'q'", "\\"", "\\\\", "true", "null", "1e3",
                "-v", "{x}", "*y", "&z", "!t", "@at", "`b`", "%p", "line\\nbreak\\ttab", "caf\\u00e9", "\\u202e", "\\u0085", "~"],
                "env": {"EMPTY": "", "F": "file:./x", "V": "${V:-d}", "N": "007"}, "cwd": "/tmp"},
              "r": {"url": "https://x.example/mcp?a=b#", "disabled": true},
              "s": {"type": "sse", "url": "https://x.example/sse", "headers": {"X-Key": "file:k ${V:-d}"}},
              "t": {"httpUrl": "https://x.example/mcp"}}}
            """
        let json = try ConfigurationFile(awkward, name: "c.json")
        let imported = MCPServersImport.yaml(of: Array(awkward.utf8), file: json.path)
        #expect(imported.problems.map(\.path) == ["mcpServers.r"], "\(imported.problems.map(\.text))")
        let yaml = try ConfigurationFile(try #require(imported.yaml) + "\n")
        #expect(try yaml.load().servers == json.load().servers)
        #expect(imported.yaml?.contains("${V:-d}") == true)
    }

    @Test("import names what it leaves out and refuses what is no such file")
    func importProblems() {
        let result = MCPServersImport.yaml(of: Array(Self.desktop.utf8), file: "c.json")
        #expect(result.yaml?.contains("my-files:") == true)
        #expect(result.problems.map(\.path) == ["mcpServers.My Files", "mcpServers.old"])
        #expect(MCPServersImport.yaml(of: Array("{}".utf8), file: "c.json").yaml == nil)
        #expect(MCPServersImport.yaml(of: Array("nope".utf8), file: "c.json").yaml == nil)
    }
}
