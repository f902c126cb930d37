import Telemetry

/// Rows under a heading, in columns as wide as they need to be.
enum TextTable {
    /// The lines. A cell may hold what a stranger wrote: what could drive a terminal is escaped (O01).
    static func render(_ heading: [String], _ rows: [[String]]) -> String {
        let lines = [heading] + rows.map { $0.map(LogText.sanitized) }
        let widths = heading.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { row in
            var line = ""
            for (cell, width) in zip(row, widths) {
                line += cell + String(repeating: " ", count: width - cell.count + 2)
            }
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
