import JSON
import MCP
import Telemetry

// What servers may not ask of users (c36), whichever era they and their clients have: they come by here, also those behind the
// endpoint for all servers and those whose words are translated.
extension LegacySession {
    /// What is wrong with a question of the server; nil where it may be put.
    func fault(of question: JSONRPCMessage) -> JSONRPCError? {
        let allowsSecrets = surroundings.allowsSecretForms
        guard let fault = ElicitationRules.fault(of: question.node, allowsSecrets: allowsSecrets) else { return nil }
        noteRefused(fault)
        return JSONRPCError(.invalidParams, "This may not be asked: \(fault.rawValue)")
    }

    /// An answer as the client gets it: one that asks what may not be asked is an error.
    func withoutForbiddenQuestions(_ response: JSONRPCMessage) -> JSONRPCMessage {
        let allowsSecrets = surroundings.allowsSecretForms
        guard let fault = ElicitationRules.fault(inAnswer: response.node, allowsSecrets: allowsSecrets),
            let id = response.exactID
        else { return response }
        noteRefused(fault)
        let error = JSONRPCError(
            .internalError, "The server \"\(server.name)\" asked what may not be asked: \(fault.rawValue)")
        // What was written here can be read.
        guard let document = try? JSONDocument(parsing: error.response(to: id)),
            let message = try? JSONRPCMessage(document.root)
        else { return response }
        return message
    }

    /// Whether a notification about a task tells what may not be asked.
    func asksForbidden(_ notification: JSONRPCMessage) -> Bool {
        guard notification.isMethod("notifications/tasks"),
            let fault = ElicitationRules.fault(
                inAnswer: notification.node, allowsSecrets: surroundings.allowsSecretForms)
        else { return false }
        noteRefused(fault)
        return true
    }

    private func noteRefused(_ fault: ElicitationRules.Fault) {
        var details: LogMetadata = ["reason": .string(fault.rawValue)]
        if fault == .secret { details["hint"] = .string("insecure_secret_forms: true lets such forms through") }
        requestsInProgress().mark(&details)
        logger.warning("a question of a server was refused", details)
    }
}
