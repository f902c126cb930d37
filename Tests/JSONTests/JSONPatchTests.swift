import JSON
import Testing

@Suite struct JSONPatchTests {
    /// Applies `edit` to `text`; the result must be JSON again.
    static func patched(_ text: String, _ edit: (inout JSONPatch, JSONNode) -> Void) throws -> String {
        let document = try JSONDocument(parsing: Array(text.utf8))
        var patch = JSONPatch(document)
        edit(&patch, document.root)
        let result = patch.applied()
        _ = try JSONDocument(parsing: result)
        return String(decoding: result, as: UTF8.self)
    }

    @Test func nothingElseChanges() throws {
        let result = try Self.patched(#"{ "id" : 1 , "x":1.0,"params":{"_meta":{}} }"#) { patch, root in
            guard let id = root["id"], let meta = root["params"]?["_meta"] else { return }
            patch.replace(id, with: Array("77".utf8))
            patch.set("k", to: Array("true".utf8), in: meta)
            patch.set("l", to: Array("null".utf8), in: meta)
        }
        #expect(result == #"{ "id" : 77 , "x":1.0,"params":{"_meta":{"k":true,"l":null}} }"#)
    }

    @Test func noEditIsTheSameText() throws {
        let text = " {\"a\" :\t[1.0, 1e400,\"\\u0041\"]\r\n} "
        #expect(try Self.patched(text) { _, _ in } == text)
        #expect(try Self.patched(text) { patch, root in patch.remove("b", from: root) } == text)
    }

    @Test func theLastOfSeveralEditsCounts() throws {
        let result = try Self.patched(#"{"a":1,"b":2}"#) { patch, root in
            patch.set("a", to: Array("3".utf8), in: root)
            patch.set("a", to: Array("4".utf8), in: root)
            patch.remove("b", from: root)
            patch.set("b", to: Array("5".utf8), in: root)
            patch.set("c", to: Array("6".utf8), in: root)
            patch.set("c", to: Array("7".utf8), in: root)
            patch.set("d", to: Array("8".utf8), in: root)
            patch.remove("d", from: root)
        }
        #expect(result == #"{"a":4,"b":5,"c":7}"#)
    }

    @Test func anEditInsideAReplacedOrRemovedValueGoesWithIt() throws {
        let result = try Self.patched(#"{"a":{"x":1},"b":{"y":2},"c":3}"#) { patch, root in
            guard let x = root["a"]?["x"], let b = root["b"] else { return }
            patch.replace(x, with: Array("9".utf8))
            patch.remove("a", from: root)
            patch.set("z", to: Array("9".utf8), in: b)
            patch.set("b", to: Array("[]".utf8), in: root)
        }
        #expect(result == #"{"b":[],"c":3}"#)
    }

    @Test(
        "R03: a removed member is gone, whatever else is removed or added", arguments: 0..<16, [true, false])
    func everySubsetCanBeRemoved(subset: Int, appends: Bool) throws {
        let names: [StaticString] = ["a", "b", "c", "d"]
        for spacing in ["", " ", "\n\t"] {
            let members = names.map { "\"\($0)\"\(spacing):\(spacing)\"v\($0)\"" }
            let text = "{" + spacing + members.joined(separator: "\(spacing),\(spacing)") + spacing + "}"
            let result = try Self.patched(text) { patch, root in
                for order in [3, 0, 2, 1] where subset & (1 << order) != 0 { patch.remove(names[order], from: root) }
                if appends { patch.set("e", to: Array("0".utf8), in: root) }
            }
            let root = try JSONDocument(parsing: Array(result.utf8)).root
            for (position, name) in names.enumerated() {
                let isRemoved = subset & (1 << position) != 0
                #expect(root[name]?.string == (isRemoved ? nil : "v\(name)"), "\(result)")
            }
            #expect((root["e"] != nil) == appends)
        }
    }
}
