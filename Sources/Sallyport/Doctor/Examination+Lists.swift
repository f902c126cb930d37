import JSON

// What there is besides tools: clients ask for it where the server announces it.
extension Examination {
    private struct List {
        let capability: String
        let method: String
        /// The member of the result that holds the list.
        let member: String
        /// What each entry must say; a client that reads strictly refuses the whole list otherwise.
        let needed: [String]
    }

    private static let lists = [
        List(capability: "prompts", method: "prompts/list", member: "prompts", needed: ["name"]),
        List(capability: "resources", method: "resources/list", member: "resources", needed: ["uri", "name"]),
        List(
            capability: "resources", method: "resources/templates/list", member: "resourceTemplates",
            needed: ["uriTemplate", "name"]),
    ]

    /// Asks for every list that `session` announces.
    mutating func examineLists(_ session: Session) async {
        for list in Self.lists where session.announces(list.capability) {
            let remedy =
                list.method == "resources/templates/list"
                ? "answer with an empty list: it is asked wherever resources are announced, and the error is shown"
                : "answer with a list, which may be empty, or do not announce \(list.capability)"
            guard
                let result = await result(
                    list.method, [], session, isAnswered: { $0[list.member]?.isArray == true }, or: .warning, remedy)
            else { continue }
            let unfit = result[list.member]?.elements.filter { entry in
                list.needed.contains { entry[$0]?.string?.isEmpty != false }
            }
            guard let unfit, let first = unfit.first else { continue }
            let name = list.needed.compactMap { first[$0]?.string }.first ?? "the first of them"
            report(
                .warning,
                "\(unfit.count) of \(list.member) lack \(list.needed.joined(separator: " or ")): \(name.prefix(100))",
                "clients that read strictly refuse the whole list for it")
        }
    }
}
