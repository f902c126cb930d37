import Telemetry

/// Reads `logging.level`: a level for all modules, or one for each that is named.
struct LogLevelReader {
    /// What is written; the default for what cannot be read, with the reason recorded.
    func levels(_ value: ConfigurationValue) -> LogLevels {
        guard case .mapping = value.node.content, var section = value.section() else {
            return LogLevels(level(value) ?? .info)
        }
        var levels = LogLevels()
        if let value = section.value("default"), let level = level(value) { levels.common = level }
        for module in LogModule.allCases {
            if let value = section.value(module.rawValue), let level = level(value) { levels.modules[module] = level }
        }
        section.finish(hints: ["level": "did you mean \"default\"?", "info": "write level: info"])
        return levels
    }

    private func level(_ value: ConfigurationValue) -> LogLevel? {
        value.word(among: LogLevel.allCases.map(\.name)).flatMap(LogLevel.init(name:))
    }
}
