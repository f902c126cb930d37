import HTTP
import Testing

@testable import AuthorizationServer

/// RFC 9111 §4.2.1, as far as documents of clients need it.
@Suite struct CacheLifetimeTests {
    @Test(
        "RFC 9111 §4.2.1: freshness",
        arguments: [
            ([], nil, nil), (["max-age=60"], nil, .seconds(60)),
            (["public, Max-Age=60 , immutable"], nil, .seconds(60)),
            (["max-age=\"60\""], nil, .seconds(60)), (["max-age=60"], "20", .seconds(40)),
            (["max-age=60"], "90", .zero),
            (["no-store"], nil, .zero), (["max-age=60, no-cache"], nil, .zero),
            (["max-age=60", "no-store"], nil, .zero),
            (["max-age=60, max-age=30"], nil, .seconds(30)), (["max-age=x"], nil, .zero), (["max-age=-1"], nil, .zero),
            (["max-age=99999999999999999999"], nil, .seconds(31_536_000)), (["s-maxage=5"], nil, nil),
            (["max-age=60"], "x", .seconds(60)),
        ] as [([String], String?, Duration?)])
    func freshness(values: [String], age: String?, expected: Duration?) {
        var fields = HTTPFields()
        for value in values { fields.append("Cache-Control", value) }
        if let age { fields.append("Age", age) }
        #expect(CacheLifetime.of(fields) == expected)
    }
}
