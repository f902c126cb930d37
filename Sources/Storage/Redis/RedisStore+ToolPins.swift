package import AuthorizationServer
package import Crypto
package import Telemetry

extension RedisStore: ToolPinStore {
    package func see(
        _ definition: ToolPin.Definition, of tool: String, at server: String, trustsFirst: Bool, capacity: Int
    ) async throws(StoreError) -> Bool {
        let answer = try await run(
            .seeTool,
            [
                .word(server), .word(tool), definition.digest.bytes, .word(definition.text), definition.since.redis,
                .word(trustsFirst ? "1" : "0"), .number(capacity),
            ])
        switch answer.word {
        case "done": return true
        case "full": return false
        default: throw answer.unexpected
        }
    }

    package func toolPins(of server: String?) async throws(StoreError) -> [ToolPin] {
        var pins: [ToolPin] = []
        for record in try await run(.toolPins, server.map { [.word($0)] } ?? []).records() {
            pins.append(
                ToolPin(
                    server: try record.text("server"), tool: try record.text("tool"),
                    approved: try Self.definition(record, "approved"), isOperators: try record.flag("operators"),
                    waiting: try Self.definition(record, "waiting")))
        }
        return pins.sorted {
            if !$0.server.utf8.elementsEqual($1.server.utf8) {
                return $0.server.utf8.lexicographicallyPrecedes($1.server.utf8)
            }
            return $0.tool.utf8.lexicographicallyPrecedes($1.tool.utf8)
        }
    }

    package func approveTool(
        _ tool: String, of server: String, digest: Digest, at now: Timestamp
    ) async throws(StoreError) -> ToolPinApproval {
        let answer = try await run(.approveTool, [.word(server), .word(tool), digest.bytes, time(now)])
        switch answer.word {
        case "approved": return .approved
        case "already": return .already
        case "changed": return .changed
        case "unknown": return .unknown
        default: throw answer.unexpected
        }
    }

    package func forgetTools(of server: String, _ tool: String?) async throws(StoreError) -> Int {
        let answer = try await run(.forgetTools, [.word(server)] + (tool.map { [.word($0)] } ?? []))
        return Int(try answer.integer(1))
    }

    package func toolPinRevision() async throws(StoreError) -> Int64 {
        try await run(.toolPinRevision, []).integer(1)
    }

    private static func definition(
        _ record: RedisRecord, _ kind: String
    ) throws(StoreError) -> ToolPin.Definition? {
        guard let bytes = record.optionalBytes("\(kind).digest") else { return nil }
        guard let digest = Digest(bytes) else { throw RedisRecord.corrupt("the digest of a tool is none") }
        return ToolPin.Definition(
            digest: digest, text: try record.text("\(kind).text"), since: try record.time("\(kind).since"))
    }
}

extension RedisScript {
    // The id of a pin is its server, with its length, and its tool.
    private static let pin = """
        local function pin(server, tool) return #server .. ':' .. server .. tool end
        local function revise() redis.call('INCR', P .. 'toolpin.revision') end

        """

    fileprivate static let seeTool = RedisScript(
        .decision,
        pin + """
            local server, tool, digest, definition, since, trusts = unpack(ARGV, 1, 6)
            local id = pin(server, tool)
            local record = get('toolpin', id)
            if not record then
              if redis.call('SCARD', key('toolpin.server', server)) >= tonumber(ARGV[7]) then return {'full'} end
              record = {server = server, tool = tool, operators = '0'}
            end
            local approved = record['approved.digest']
            if approved == digest then
              if not record['waiting.digest'] then return {'done'} end
              redis.call('HDEL', key('toolpin', id), 'waiting.digest', 'waiting.text', 'waiting.since')
              revise()
              return {'done'}
            end
            local kind = 'waiting'
            if not approved and trusts == '1' then
              kind = 'approved'
              redis.call('HDEL', key('toolpin', id), 'waiting.digest', 'waiting.text', 'waiting.since')
            elseif record['waiting.digest'] == digest then
              return {'done'}
            end
            set('toolpin', id, 'server', server, 'tool', tool, 'operators', record.operators,
              kind .. '.digest', digest, kind .. '.text', definition, kind .. '.since', since)
            redis.call('SADD', key('toolpin.server', server), tool)
            redis.call('SADD', P .. 'toolpin.servers', server)
            revise()
            return {'done'}
            """)

    fileprivate static let toolPins = RedisScript(
        .none,
        pin + """
            local servers = ARGV[1] and {ARGV[1]} or redis.call('SMEMBERS', P .. 'toolpin.servers')
            local answer = {'pins'}
            for _, server in ipairs(servers) do
              for _, tool in ipairs(redis.call('SMEMBERS', key('toolpin.server', server))) do
                answer[#answer + 1] = flat(get('toolpin', pin(server, tool)))
              end
            end
            return answer
            """)

    fileprivate static let approveTool = RedisScript(
        .decision,
        pin + """
            local now = effective(ARGV[4])
            local id = pin(ARGV[1], ARGV[2])
            local record = get('toolpin', id)
            if not record then return {'unknown'} end
            if record['waiting.digest'] == ARGV[3] then
              set('toolpin', id, 'operators', '1', 'approved.digest', ARGV[3], 'approved.text', record['waiting.text'],
                'approved.since', text(now))
              redis.call('HDEL', key('toolpin', id), 'waiting.digest', 'waiting.text', 'waiting.since')
              revise()
              return {'approved'}
            end
            if record['waiting.digest'] or record['approved.digest'] ~= ARGV[3] then return {'changed'} end
            if record.operators ~= '1' then
              set('toolpin', id, 'operators', '1')
              revise()
            end
            return {'already'}
            """)

    fileprivate static let forgetTools = RedisScript(
        .decision,
        pin + """
            local all = key('toolpin.server', ARGV[1])
            local tools = ARGV[2] and {ARGV[2]} or redis.call('SMEMBERS', all)
            local gone = 0
            for _, tool in ipairs(tools) do
              if exists('toolpin', pin(ARGV[1], tool)) then
                drop('toolpin', pin(ARGV[1], tool))
                redis.call('SREM', all, tool)
                gone = gone + 1
              end
            end
            if redis.call('EXISTS', all) == 0 then redis.call('SREM', P .. 'toolpin.servers', ARGV[1]) end
            if gone > 0 then revise() end
            return {'forgotten', tostring(gone)}
            """)

    fileprivate static let toolPinRevision = RedisScript(
        .none, "return {'revision', redis.call('GET', P .. 'toolpin.revision') or '0'}")
}
