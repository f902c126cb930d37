import AsyncIO
import JSON
import MCP

// Results that ask for input: the client is asked, and the request is tried again (c27, mcp.md B1 "Pump").
extension ModernServerConnection {
    /// Rounds in which a server may ask; the SDKs have the same bound.
    private static let maximumRounds = 10
    /// Rounds in which it asks for patience alone, one after the other.
    private static let maximumPauses = 240

    func pump(_ call: ModernCall, _ result: JSONNode, _ client: LegacyClient) {
        guard call.message != nil, let required = InputRequired(result) else {
            return fail(call, "The server asked for input in a way that cannot be answered")
        }
        call.state = required.state
        call.answers = []
        put(required.entries, of: call, client)
    }

    /// Asks the client; goes on at once where nobody need be asked.
    func put(_ entries: [InputRequired.Entry], of call: ModernCall, _ client: LegacyClient) {
        var messages: [[UInt8]] = []
        var isPatience = true
        for entry in entries {
            // The user has agreed to open it and is perhaps still there: asked again, he would not know why.
            if let url = entry.url, call.opened.contains(url) {
                call.answers.append((entry.key, Array("{\"action\":\"accept\"}".utf8)))
                continue
            }
            isPatience = false
            lastQuestion += 1
            switch LegacyQuestion.make(entry, number: lastQuestion, client: client) {
            case .message(let message):
                call.open[lastQuestion] = ModernCall.Question(key: entry.key, method: entry.method, url: entry.url)
                messages.append(message)
            case .answer(let answer): call.answers.append((entry.key, answer))
            case .impossible:
                call.open = [:]
                return fail(call, "The server asked for something that the client cannot be asked")
            }
        }
        guard count(call, isPatience: isPatience) else {
            call.open = [:]
            return fail(call, "The server asks over and over again")
        }
        for number in call.open.keys { asked[number] = call }
        for message in messages { emit(message) }
        guard call.open.isEmpty else { return }
        call.retriesAt = EventLoop.preciseNow + Self.pause(call.pauses)
        arm()
    }

    private func count(_ call: ModernCall, isPatience: Bool) -> Bool {
        if isPatience {
            call.pauses += 1
            return call.pauses <= Self.maximumPauses
        }
        call.pauses = 0
        call.rounds += 1
        return call.rounds <= Self.maximumRounds
    }

    /// 50 ms, then longer: a server that waits for a person is asked every few seconds.
    private static func pause(_ number: Int) -> Duration {
        .milliseconds(min(5000, 50 << max(0, min(number, 10) - 1)))
    }

    /// The client answered a question, or the session in its stead.
    func replied(_ message: JSONRPCMessage, _ client: LegacyClient) {
        guard let number = message.id?.integer.flatMap({ Int(exactly: $0) }),
            let call = asked.removeValue(forKey: number), let question = call.open.removeValue(forKey: number)
        else { return }
        if let result = message.node["result"], result.isObject {
            if let url = question.url, result["action"]?.equals("accept") == true { call.opened.insert(url) }
            call.answers.append((question.key, JSONText.compacted(result)))
        } else if let refusal = LegacyQuestion.refusal(of: question.method) {
            call.answers.append((question.key, refusal))
        } else {
            return fail(call, "The client did not answer \(question.method.rawValue)")
        }
        if call.open.isEmpty { retry(call, client) }
    }

    /// Tries the request again: with what was answered in this round alone, and with the server's state as it came.
    func retry(_ call: ModernCall, _ client: LegacyClient) {
        call.retriesAt = nil
        if let task = call.task { return ask(about: task, call, client) }
        guard let message = call.message else { return }
        lastNumber += 1
        call.number = lastNumber
        working[lastNumber] = call
        let retry = ModernBoundMessage.Retry(responses: Self.object(call.answers), state: call.state)
        call.answers = []
        call.state = nil
        let line = ModernBoundMessage.request(
            message, number: lastNumber, client: client, logLevel: logLevel, retry: retry)
        do throws(IOError) {
            try inner.send(line)
        } catch {
            fail(call, "The server does not keep up")
        }
    }

    static func object(_ members: [(key: [UInt8], text: [UInt8])]) -> [UInt8]? {
        guard !members.isEmpty else { return nil }
        var text: [UInt8] = [UInt8(ascii: "{")]
        for (position, member) in members.enumerated() {
            if position > 0 { text.append(UInt8(ascii: ",")) }
            text += member.key + [UInt8(ascii: ":")] + member.text
        }
        return text + [UInt8(ascii: "}")]
    }
}
