package import AuthorizationServer
package import Crypto
package import Telemetry

extension SQLiteStore: ToolPinStore {
    package func see(
        _ definition: ToolPin.Definition, of tool: String, at server: String, trustsFirst: Bool, capacity: Int
    ) async throws(StoreError) -> Bool {
        try await database.write { connection throws(StoreError) in
            let known = try Self.toolPin(tool, server, connection)
            if known == nil {
                let count = try connection.row("SELECT count(*) FROM tool_pin WHERE server = ?1", .text(server)) {
                    row throws(StoreError) in try row.count(0)
                }
                guard count ?? 0 < capacity else { return false }
            }
            let pin = known ?? ToolPin(server: server, tool: tool)
            guard let next = pin.seeing(definition, trustsFirst: trustsFirst) else { return true }
            try Self.put(next, connection)
            return true
        }
    }

    package func toolPins(of server: String?) async throws(StoreError) -> [ToolPin] {
        try await database.read { connection throws(StoreError) in
            try connection.rows(
                """
                SELECT \(Self.toolPinColumns) FROM tool_pin WHERE ?1 IS NULL OR server = ?1 ORDER BY server, tool
                """, .optional(server)
            ) { row throws(StoreError) in try Self.toolPin(row) }
        }
    }

    package func approveTool(
        _ tool: String, of server: String, digest: Digest, at now: Timestamp
    ) async throws(StoreError) -> ToolPinApproval {
        try await database.write { [database] connection throws(StoreError) in
            let now = database.effective(now)
            guard let pin = try Self.toolPin(tool, server, connection) else { return .unknown }
            let (next, outcome) = pin.approving(digest, at: now)
            if let next { try Self.put(next, connection) }
            return outcome
        }
    }

    package func forgetTools(of server: String, _ tool: String?) async throws(StoreError) -> Int {
        try await database.write { connection throws(StoreError) in
            let count = try connection.row(
                "SELECT count(*) FROM tool_pin WHERE server = ?1 AND (?2 IS NULL OR tool = ?2)", .text(server),
                .optional(tool)
            ) { row throws(StoreError) in try row.count(0) }
            guard let count, count > 0 else { return 0 }
            try connection.run(
                "DELETE FROM tool_pin WHERE server = ?1 AND (?2 IS NULL OR tool = ?2)", .text(server), .optional(tool))
            try Self.reviseToolPins(connection)
            return count
        }
    }

    package func toolPinRevision() async throws(StoreError) -> Int64 {
        try await database.read { connection throws(StoreError) in
            try connection.row("SELECT revision FROM tool_pin_revision") {
                row throws(StoreError) in try row.integer(0)
            }
        } ?? 0
    }
}

extension SQLiteStore {
    private static let toolPinColumns = """
        server, tool, approved_digest, approved_text, approved_at, is_operators, waiting_digest, waiting_text,
        waiting_since
        """

    private static func toolPin(
        _ tool: String, _ server: String, _ connection: SQLiteConnection
    ) throws(StoreError) -> ToolPin? {
        try connection.row(
            "SELECT \(toolPinColumns) FROM tool_pin WHERE server = ?1 AND tool = ?2", .text(server), .text(tool)
        ) { row throws(StoreError) in try toolPin(row) }
    }

    private static func toolPin(_ row: SQLiteRow) throws(StoreError) -> ToolPin {
        ToolPin(
            server: try row.text(0), tool: try row.text(1), approved: try definition(row, 2),
            isOperators: try row.integer(5) == 1, waiting: try definition(row, 6))
    }

    private static func definition(_ row: SQLiteRow, _ column: Int32) throws(StoreError) -> ToolPin.Definition? {
        guard let bytes = try row.optionalBlob(column) else { return nil }
        guard let digest = Digest(bytes) else {
            throw StoreError(.corrupt, detail: "sqlite: column \(column) does not hold what it should")
        }
        return ToolPin.Definition(digest: digest, text: try row.text(column + 1), since: try row.time(column + 2))
    }

    private static func put(_ pin: ToolPin, _ connection: SQLiteConnection) throws(StoreError) {
        try connection.run(
            """
            INSERT INTO tool_pin (\(toolPinColumns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
            ON CONFLICT (server, tool) DO UPDATE SET
                approved_digest = ?3, approved_text = ?4, approved_at = ?5, is_operators = ?6, waiting_digest = ?7,
                waiting_text = ?8, waiting_since = ?9
            """, .text(pin.server), .text(pin.tool), .optional(pin.approved?.digest.bytes),
            .optional(pin.approved?.text), .time(pin.approved?.since), .boolean(pin.isOperators),
            .optional(pin.waiting?.digest.bytes), .optional(pin.waiting?.text), .time(pin.waiting?.since))
        try reviseToolPins(connection)
    }

    private static func reviseToolPins(_ connection: SQLiteConnection) throws(StoreError) {
        try connection.run("UPDATE tool_pin_revision SET revision = revision + 1")
    }
}
