import CYAML

/// Reads one YAML document into positioned nodes.
///
/// Only what a configuration needs is accepted: mappings with plain keys, lists and scalars. Anchors, aliases, tags and
/// further documents are refused, because they make a file mean something else than it seems to say (and aliases can
/// make a small file very large).
@safe struct YAMLReader: ~Copyable {
    // One parser per file; owned here, freed in deinit.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let limits: ConfigurationLimits
    private var nodes = 0

    private init(limits: ConfigurationLimits) throws(ConfigurationSyntaxError) {
        unsafe parser = .allocate(capacity: 1)
        self.limits = limits
        unsafe parser.initialize(to: yaml_parser_t())
        guard unsafe yaml_parser_initialize(parser) == 1 else {
            throw ConfigurationSyntaxError(line: 1, message: "not enough memory to read the file")
        }
        unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }

    deinit {
        unsafe yaml_parser_delete(parser)
        unsafe parser.deallocate()
    }

    /// The document in `bytes`; an empty file is an empty mapping.
    static func read(
        _ bytes: [UInt8], limits: ConfigurationLimits = .standard
    ) throws(ConfigurationSyntaxError) -> ConfigurationNode {
        guard bytes.count <= limits.maximumBytes else {
            throw ConfigurationSyntaxError(line: 1, message: "the file is larger than \(limits.maximumBytes) bytes")
        }
        guard !bytes.isEmpty else { return ConfigurationNode(content: .mapping([]), line: 1) }
        var reader = try YAMLReader(limits: limits)
        // The closure form cannot carry a typed error through, so the result does.
        let result: Result<ConfigurationNode, ConfigurationSyntaxError> = unsafe bytes.withUnsafeBufferPointer {
            buffer in
            unsafe yaml_parser_set_input_string(reader.parser, buffer.baseAddress, buffer.count)
            do throws(ConfigurationSyntaxError) {
                return .success(try reader.document())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private mutating func document() throws(ConfigurationSyntaxError) -> ConfigurationNode {
        _ = try next()  // stream start
        let first = try next()
        guard case .documentStart = first.kind else {
            return ConfigurationNode(content: .mapping([]), line: 1)
        }
        let root = try node(from: try next(), depth: 0)
        _ = try next()  // document end
        let end = try next()
        guard case .streamEnd = end.kind else {
            throw ConfigurationSyntaxError(
                line: end.line, message: "a second document starts here",
                hint: "one file holds one configuration; remove the line `---`")
        }
        if case .null = root.content { return ConfigurationNode(content: .mapping([]), line: root.line) }
        return root
    }

    private mutating func node(from event: Event, depth: Int) throws(ConfigurationSyntaxError) -> ConfigurationNode {
        nodes += 1
        guard depth <= limits.maximumDepth, nodes <= limits.maximumNodes else {
            throw ConfigurationSyntaxError(line: event.line, message: "too many or too deeply nested values")
        }
        switch event.kind {
        case .scalar(let text, let isPlain):
            let isNull = isPlain && (text.isEmpty || text == "~" || text == "null")
            return ConfigurationNode(content: isNull ? .null : .scalar(text), line: event.line)
        case .sequenceStart:
            return try sequence(line: event.line, depth: depth)
        case .mappingStart:
            return try mapping(line: event.line, depth: depth)
        default:
            throw ConfigurationSyntaxError(line: event.line, message: "a value is missing here")
        }
    }

    private mutating func sequence(line: Int, depth: Int) throws(ConfigurationSyntaxError) -> ConfigurationNode {
        var elements: [ConfigurationNode] = []
        while true {
            let event = try next()
            if case .sequenceEnd = event.kind { break }
            elements.append(try node(from: event, depth: depth + 1))
        }
        return ConfigurationNode(content: .sequence(elements), line: line)
    }

    private mutating func mapping(line: Int, depth: Int) throws(ConfigurationSyntaxError) -> ConfigurationNode {
        var entries: [ConfigurationNode.Entry] = []
        var seen: [String: Int] = [:]
        while true {
            let event = try next()
            if case .mappingEnd = event.kind { break }
            guard case .scalar(let key, let isPlain) = event.kind, !(isPlain && key.isEmpty) else {
                throw ConfigurationSyntaxError(line: event.line, message: "a key must be a single value")
            }
            if let previous = seen.updateValue(event.line, forKey: key) {
                throw ConfigurationSyntaxError(
                    line: event.line, message: "the key \"\(key)\" is set twice",
                    hint: "it is also set on line \(previous); keep one of the two")
            }
            let value = try node(from: try next(), depth: depth + 1)
            entries.append(.init(key: key, line: event.line, value: value))
        }
        return ConfigurationNode(content: .mapping(entries), line: line)
    }
}

// MARK: - Events

extension YAMLReader {
    private enum EventKind {
        case streamStart, streamEnd, documentStart, documentEnd, sequenceStart, sequenceEnd, mappingStart, mappingEnd
        case scalar(String, isPlain: Bool)
    }

    private struct Event {
        let kind: EventKind
        let line: Int
    }

    private mutating func next() throws(ConfigurationSyntaxError) -> Event {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw unsafe Self.failure(of: parser.pointee) }
        defer { unsafe yaml_event_delete(&event) }
        let line = unsafe Int(event.start_mark.line) + 1
        return Event(kind: try unsafe Self.kind(of: event, line: line), line: line)
    }

    private static func kind(of event: yaml_event_t, line: Int) throws(ConfigurationSyntaxError) -> EventKind {
        switch unsafe event.type {
        case YAML_STREAM_START_EVENT: return .streamStart
        case YAML_STREAM_END_EVENT: return .streamEnd
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            try refuseDecoration(anchor: unsafe start.anchor != nil, tag: unsafe start.tag != nil, line: line)
            return .sequenceStart
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            try refuseDecoration(anchor: unsafe start.anchor != nil, tag: unsafe start.tag != nil, line: line)
            return .mappingStart
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            try refuseDecoration(anchor: unsafe scalar.anchor != nil, tag: unsafe scalar.tag != nil, line: line)
            let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            // libyaml has already checked the encoding; the decoder is the strict one all the same.
            guard let text = unsafe String(validating: bytes, as: UTF8.self) else {
                throw ConfigurationSyntaxError(line: line, message: "the text is not valid UTF-8")
            }
            return .scalar(text, isPlain: unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE)
        default:
            throw ConfigurationSyntaxError(
                line: line, message: "aliases (`*name`) are not supported", hint: "write the value out")
        }
    }

    private static func refuseDecoration(anchor: Bool, tag: Bool, line: Int) throws(ConfigurationSyntaxError) {
        if anchor {
            throw ConfigurationSyntaxError(
                line: line, message: "anchors (`&name`) are not supported",
                hint: "write the value out, or quote it when it begins with `&`")
        }
        if tag {
            throw ConfigurationSyntaxError(
                line: line, message: "tags (`!name`) are not supported",
                hint: "remove the tag, or quote the value when it begins with `!`")
        }
    }

    private static func failure(of parser: yaml_parser_t) -> ConfigurationSyntaxError {
        let problem = unsafe parser.problem.map { unsafe String(cString: $0) } ?? "not valid YAML"
        let isReader = unsafe parser.error == YAML_READER_ERROR
        let line = unsafe isReader ? 1 : Int(parser.problem_mark.line) + 1
        // "… that cannot start any token" is what it says of a tab, and of a value that begins with `@`, `` ` `` or `%`.
        let hint =
            problem.contains("tab") || problem.contains("cannot start any token")
            ? "indent with spaces, YAML does not allow tabs; quote a value that begins with @, ` or %" : nil
        return ConfigurationSyntaxError(line: max(line, 1), message: "not valid YAML: \(problem)", hint: hint)
    }
}
