import AsyncIO

extension ConfigurationValue {
    /// The text, or with `file:PATH` the content of that file without its last line break.
    ///
    /// A text that must itself begin with `file:` is written `text:file:…`.
    func secretText(in context: ConfigurationContext) -> String? {
        guard let text = string() else { return nil }
        if text.hasPrefix("text:file:") { return String(text.dropFirst(5)) }
        guard text.hasPrefix("file:") else { return text }
        let name = String(text.dropFirst(5))
        let path = name.hasPrefix("/") ? name : "\(context.directory)/\(name)"
        if FileMode.isReadableByOthers(path), !path.hasPrefix("/run/secrets/") {
            refuse("the secret file \(name) can be read by every user of this machine", hint: "chmod 600 \(path)")
            return nil
        }
        let bytes: [UInt8]
        do throws(FileSystem.Failure) {
            bytes = try FileSystem.readFile(path, maximum: context.limits.maximumSecretBytes)
        } catch {
            refuse(
                "cannot read the secret file \(name): \(error.reason)",
                hint: "to pass the text itself, write \"text:\(text)\"")
            return nil
        }
        guard let content = String(validating: bytes, as: UTF8.self), !content.utf8.contains(0) else {
            refuse("the secret file \(name) does not hold text")
            return nil
        }
        return content.hasSuffix("\n") ? String(content.dropLast()) : content
    }
}
