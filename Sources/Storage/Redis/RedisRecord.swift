import AuthorizationServer
import OAuth
import Telemetry

/// A record on its way to a script: fields with values, in the form in which they are stored.
struct RedisFields {
    private var flat: [[UInt8]] = []

    /// The number of elements and the elements, as `given` of the prelude reads them.
    var arguments: [[UInt8]] { [Array(String(flat.count).utf8)] + flat }

    mutating func set(_ field: String, bytes: [UInt8]?) {
        guard let bytes else { return }
        flat.append(Array(field.utf8))
        flat.append(bytes)
    }

    mutating func set(_ field: String, _ text: String?) { set(field, bytes: text.map { Array($0.utf8) }) }
    mutating func set(_ field: String, _ id: some OAuthIdentifier) { set(field, id.value) }
    mutating func set(_ field: String, _ time: Timestamp?) { set(field, bytes: time?.redis) }
    mutating func set(_ field: String, _ number: Int) { set(field, String(number)) }
    mutating func set(_ field: String, _ digest: SecretDigest?) { set(field, bytes: digest?.bytes) }
    mutating func set(_ field: String, list: [String]) { set(field, bytes: LengthCoded.encode(list)) }
    mutating func set(_ field: String, _ flag: Bool) { set(field, flag ? "1" : "0") }
}

/// A record as it came back. Each accessor fails with `.corrupt` when what is stored is not what it should be.
struct RedisRecord {
    private let fields: [String: [UInt8]]

    /// From a flat list of fields and values, as `HGETALL` and `flat` give it; nil when it is empty.
    init?(_ value: RESPValue) throws(StoreError) {
        guard let elements = value.elements, elements.count.isMultiple(of: 2) else {
            throw Self.corrupt("a record is not a list of fields")
        }
        guard !elements.isEmpty else { return nil }
        var fields: [String: [UInt8]] = [:]
        for index in stride(from: 0, to: elements.count, by: 2) {
            guard let name = elements[index].text, case .bytes(let bytes) = elements[index + 1] else {
                throw Self.corrupt("a record is not a list of fields")
            }
            fields[name] = bytes
        }
        self.fields = fields
    }

    func optionalBytes(_ field: String) -> [UInt8]? { fields[field] }

    func bytes(_ field: String) throws(StoreError) -> [UInt8] {
        guard let bytes = fields[field] else { throw Self.corrupt("the field \(field) is missing") }
        return bytes
    }

    func text(_ field: String) throws(StoreError) -> String {
        guard let text = String(validating: try bytes(field), as: UTF8.self) else {
            throw Self.corrupt("the field \(field) is not text")
        }
        return text
    }

    func optionalText(_ field: String) throws(StoreError) -> String? {
        fields[field] == nil ? nil : try text(field)
    }

    func integer(_ field: String) throws(StoreError) -> Int64 {
        guard let number = Int64(try text(field)) else { throw Self.corrupt("the field \(field) is not a number") }
        return number
    }

    func count(_ field: String) throws(StoreError) -> Int { Int(try integer(field)) }

    func time(_ field: String) throws(StoreError) -> Timestamp {
        Timestamp(millisecondsSinceEpoch: try integer(field))
    }

    func optionalTime(_ field: String) throws(StoreError) -> Timestamp? {
        fields[field] == nil ? nil : try time(field)
    }

    func digest(_ field: String) throws(StoreError) -> SecretDigest { SecretDigest(bytes: try bytes(field)) }

    func list(_ field: String) throws(StoreError) -> [String] {
        guard let texts = LengthCoded.decode(try bytes(field)) else {
            throw Self.corrupt("the field \(field) is not a list")
        }
        return texts
    }

    func flag(_ field: String) throws(StoreError) -> Bool { try bytes(field) == [UInt8(ascii: "1")] }

    static func corrupt(_ what: String) -> StoreError { StoreError(.corrupt, detail: "redis: \(what)") }
}

/// What a script returned: a word, and what belongs to it.
struct RedisAnswer {
    let elements: [RESPValue]

    /// The first element: what came of it.
    var word: String { elements.first?.text ?? "" }

    /// The element at `index` as text.
    func text(_ index: Int) throws(StoreError) -> String {
        guard elements.indices.contains(index), let text = elements[index].text else { throw unexpected }
        return text
    }

    /// The element at `index` as a whole number.
    func integer(_ index: Int) throws(StoreError) -> Int64 {
        guard let number = Int64(try text(index)) else { throw unexpected }
        return number
    }

    /// The element at `index` as a record; nil when it is empty.
    func optionalRecord(_ index: Int) throws(StoreError) -> RedisRecord? {
        guard elements.indices.contains(index) else { throw unexpected }
        return try RedisRecord(elements[index])
    }

    /// The element at `index` as a record.
    func record(_ index: Int) throws(StoreError) -> RedisRecord {
        guard let record = try optionalRecord(index) else { throw unexpected }
        return record
    }

    /// The elements from `index` on, as records.
    func records(from index: Int = 1) throws(StoreError) -> [RedisRecord] {
        var records: [RedisRecord] = []
        for element in elements.dropFirst(index) {
            guard let record = try RedisRecord(element) else { throw unexpected }
            records.append(record)
        }
        return records
    }

    /// The elements from `index` on, as texts.
    func texts(from index: Int = 1) throws(StoreError) -> [String] {
        var texts: [String] = []
        for position in elements.indices.dropFirst(index) { texts.append(try text(position)) }
        return texts
    }

    /// For an answer whose word or form nobody expects.
    var unexpected: StoreError { StoreError(.corrupt, detail: "redis: a script answered with \"\(word.prefix(40))\"") }
}

extension Timestamp {
    /// As it is stored: milliseconds in decimal.
    var redis: [UInt8] { Array(String(millisecondsSinceEpoch).utf8) }
}
