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

    @Test("a list is remembered where its server does not say that it changes, of the session that there is")
    func announced() throws {
        func json(_ text: String) throws -> JSONNode { try JSONDocument(parsing: Array(text.utf8)).root }
        func told(_ memory: inout ListMemory, _ list: String, id: Int = 1) throws {
            let request = try message(#"{"jsonrpc":"2.0","id":1,"method":"\#(list)/list"}"#)
            let answer = #"{"jsonrpc":"2.0","id":\#(id),"result":{"\#(list)":[{"name":"a"}]}}"#
            memory.note(request, try JSONDocument(parsing: Array(answer.utf8)))
        }
        var memory = ListMemory()
        memory.began(try json(#"{"tools":{"listChanged":true},"prompts":{"listChanged":false}}"#))
        for list in ["tools", "prompts"] { try told(&memory, list) }
        #expect(memory.known.keys.sorted() == ["prompts/list"])
        memory.hearsNothing()
        try told(&memory, "tools")
        #expect(memory.known.count == 2, "it cannot say so")
        memory.began(try json(#"{"tools":{},"prompts":{"listChanged":true}}"#))
        #expect(memory.known.isEmpty, "of the session before")
        for list in ["tools", "prompts"] { try told(&memory, list) }
        #expect(memory.known.keys.sorted() == ["tools/list"])
        memory.began(nil)
        try told(&memory, "tools", id: 2)
        #expect(memory.known.isEmpty, "the answer to something else")
        try told(&memory, "prompts")
        #expect(memory.known.keys.sorted() == ["prompts/list"], "what the session before announced this one does not")
    }

    @Test("a change is told once, and the pages that go on from the old list are none of the new one")
    func changes() throws {
        func page(_ tool: String, _ next: String?) throws -> JSONDocument {
            let rest = next.map { #","nextCursor":"\#($0)""# } ?? ""
            return try JSONDocument(
                parsing: Array(#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"\#(tool)"}]\#(rest)}}"#.utf8))
        }
        func digest(_ page: JSONDocument) throws -> [UInt8] {
            ListMemory.digest(try #require(page.root["result"]), of: "tools/list")
        }
        #expect(try digest(page("a", "1")) == digest(page("a", "2")), "cursors differ each time at some servers")
        #expect(try digest(page("a", "1")) != digest(page("a", nil)), "there is more, or not")
        var memory = ListMemory()
        memory.note(try message(#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#), try page("a", "1"))
        let old = try #require(memory.known["tools/list"]?.pages)
        let new = [try digest(page("b", "1"))]
        #expect(memory.changed("tools/list", from: old, to: new) != nil)
        #expect(memory.changed("tools/list", from: old, to: new) == nil)
        let turn = #"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"1"}}"#
        memory.note(try message(turn), try page("c", nil))
        #expect(memory.known["tools/list"]?.pages == new)
    }
}
