import JSON
import Testing

@testable import MCP

@Suite("What is remembered of lists")
struct ListMemoryTests {
    @Test(
        "a list is remembered by the pages that were turned, in their order, and no more of them than there is room for"
    )
    func memory() throws {
        func message(_ text: String) throws -> JSONRPCMessage {
            try JSONRPCMessage(try JSONDocument(parsing: Array(text.utf8)).root)
        }
        func request(_ cursor: String?) throws -> JSONRPCMessage {
            let params = cursor.map { #"{"cursor":"\#($0)"}"# } ?? "{}"
            return try message(#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":\#(params)}"#)
        }
        func page(_ tool: String, _ next: String?) throws -> JSONDocument {
            let rest = next.map { #","nextCursor":"\#($0)""# } ?? ""
            return try JSONDocument(
                parsing: Array(#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"\#(tool)"}]\#(rest)}}"#.utf8))
        }
        var memory = ListMemory()
        memory.note(try request(nil), try page("a", "1"))
        memory.note(try request("7"), try page("x", nil))
        #expect(memory.known["tools/list"]?.pages.count == 1, "not a page of something else")
        memory.note(try request("1"), try page("b", "2"))
        memory.note(try request("1"), try page("b", "2"))
        let known = try #require(memory.known["tools/list"]?.pages)
        #expect(known.count == 2)
        #expect(memory.changed("tools/list", from: known, to: known) == nil)
        #expect(memory.changed("tools/list", from: [known[0]], to: known) == nil, "the client has asked meanwhile")
        let other = try page("c", nil).root["result"].map { ListMemory.digest($0, of: "tools/list") }
        let changed = [known[0], try #require(other)]
        #expect(memory.changed("tools/list", from: known, to: changed) != nil)
        memory.note(try request(nil), try page("a", "0"))
        for turn in 0..<(2 * ListMemory.maximumPages) {
            memory.note(try request("\(turn)"), try page("t\(turn)", "\(turn + 1)"))
        }
        #expect(memory.known["tools/list"]?.pages.count == ListMemory.maximumPages)
    }
}
