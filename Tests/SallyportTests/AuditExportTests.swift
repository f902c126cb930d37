import JSON
import Telemetry
import Testing

@testable import Sallyport

/// What `sallyport audit export` writes as a table.
@Suite struct AuditExportTests {
    @Test(
        "cells are quoted as RFC 4180 says, and none is a formula",
        arguments: [
            ("plain", "plain"), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("-2", "'-2"), ("+x,y", "\"'+x,y\""), ("", ""),
        ])
    func cells(text: String, cell: String) {
        #expect(String(decoding: AuditExport.csv([text, "end"]), as: UTF8.self) == "\(cell),end\r\n")
    }

    @Test("a row has a cell for each column, nothing left out")
    func row() throws {
        let text =
            #"{"time":"T","action":"tool_called","outcome":"success","user":"u1","client":"c","server":"s","tool":"t","#
            + #""request_id":"r","remote_address":"a","detail":{"k":"v"}}"#
        let cells = AuditListing([]).cells(try JSONDocument(parsing: Array(text.utf8)))
        #expect(cells == ["T", "tool_called", "success", "u1", "", "c", "s", "t", "r", "a", #"{"k":"v"}"#])
        #expect(cells.count == AuditExport.columns.count)
    }
}
