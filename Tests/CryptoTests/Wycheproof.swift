import Foundation

/// Project Wycheproof's vectors.
enum Wycheproof {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Vectors/Wycheproof")

    struct File: Decodable {
        var testGroups: [Group]
    }

    struct Group: Decodable {
        struct Key: Decodable {
            var uncompressed: String?
            var pk: String?
            var modulus: String?
            var publicExponent: String?
        }
        var publicKey: Key?
        var keySize: Int?
        var tagSize: Int?
        var ivSize: Int?
        var tests: [Case]
    }

    struct Case: Decodable {
        var tcId: Int
        var comment: String
        var msg: String
        var sig: String?
        var result: String
        var key: String?
        var tag: String?
        var iv: String?
        var aad: String?
        var ct: String?
    }

    static func load(_ name: String) throws -> File {
        try JSONDecoder().decode(File.self, from: Data(contentsOf: folder.appendingPathComponent(name)))
    }

    static func bytes(_ hexadecimal: String) -> [UInt8] {
        let digits = Array(hexadecimal)
        return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
    }
}
