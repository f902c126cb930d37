import AsyncIO
import Crypto
import Storage

/// Reads `storage` and `sealing_key`.
struct StorageReader {
    let context: ConfigurationContext

    /// Fills in where state is kept.
    func read(_ section: inout ConfigurationSection, into configuration: inout Configuration) {
        let storage = section.value("storage")
        let key = section.value("sealing_key")
        if let storage { readStorage(storage, into: &configuration) }
        if let key { readKey(key, into: &configuration) }
    }

    private func readStorage(_ value: ConfigurationValue, into configuration: inout Configuration) {
        guard let text = value.secretText(in: context) else { return }
        if text == "sqlite" || text == "memory" {
            configuration.storage = text == "sqlite" ? .sqlite : .memory
            return
        }
        guard RedisLocation.schemes.contains(where: text.hasPrefix) else {
            // Only a word is repeated: a URL may hold a password.
            let found = text.utf8.contains(UInt8(ascii: ":")) ? "" : ", found \"\(text)\""
            return value.refuse("expected sqlite, memory or the URL of a Redis server\(found)", hint: Self.example)
        }
        do throws(RedisLocation.ParseError) {
            var location = try RedisLocation(parsing: text)
            location.authorityPath = location.authorityPath.map(context.absolutePath)
            if let path = location.authorityPath, !FileSystem.exists(path) {
                value.refuse("there is no file \(path), which the option ca names")
            }
            configuration.storage = .redis
            configuration.redis = location
            noteWeakness(of: location, value)
        } catch {
            value.refuse(error.problem, hint: error.hint)
        }
    }

    private func noteWeakness(of location: RedisLocation, _ value: ConfigurationValue) {
        let isNear = location.endpoints.allSatisfy { endpoint in
            endpoint.host == "localhost" || IPAddress(endpoint.host)?.isLoopback == true
        }
        if !location.isEncrypted, !isNear {
            value.note(
                "is not encrypted: whoever is on that network reads and changes the store", hint: "use rediss://")
        }
        if location.password == nil, !isNear {
            value.note("has no password: whoever reaches the server owns the store")
        }
    }

    private func readKey(_ value: ConfigurationValue, into configuration: inout Configuration) {
        guard let text = value.secretText(in: context) else { return }
        guard configuration.storage == .redis else {
            return value.refuse(
                "is for a shared store only",
                hint: "with storage: sqlite the key is \(DataDirectory.keyName) in data_dir")
        }
        guard let bytes = Base64URL.decode(Array(text.utf8)), let key = SealingKey(bytes) else {
            return value.refuse(
                "expected 32 bytes as base64url", hint: "the content of \(DataDirectory.keyName) of the first gateway")
        }
        configuration.sealingKey = key
    }

    private static let example = "like rediss://USER:PASSWORD@redis.example.com:6379"
}
