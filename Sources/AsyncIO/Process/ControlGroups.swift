import CLibUV
import Glibc
import Synchronization

/// Where this gateway makes control groups for its children, if it can at all.
package enum ControlGroups {
    private struct State {
        var places: [ControlGroupPlace] = []
        var count = 0
    }

    // Changed once at the start; then a counter.
    private static let state = Mutex(State())

    /// How long killed processes may take to vanish.
    static let patience: UInt64 = 2_000_000_000

    /// Which limits control groups could hold here, as far as that can be told without trying.
    package static var possible: Set<ControlGroupPlace.Controller> {
        ControlGroupPlace.writable().reduce(into: []) { $0.formUnion($1.controllers) }
    }

    /// Which limits they hold in this gateway.
    package static var controllers: Set<ControlGroupPlace.Controller> {
        state.withLock { state in state.places.reduce(into: []) { $0.formUnion($1.controllers) } }
    }

    /// Finds out where groups can be made, and clears those of gateways that have ended; blocking.
    static func prepare() {
        var places = ControlGroupPlace.writable()
        for index in places.indices { places[index].enable() }
        let name = ProcessMark.own.map { "\(ControlGroup.prefix)\($0.text)0" }
        places.removeAll { place in !(name.map(place.takesGroups) ?? false) }
        state.withLock { $0.places = places }
        for place in places { clearAbandoned(in: place) }
    }

    /// The group for one more child, and what is left of its limits for it alone; nil where there can be no group, or
    /// nothing asks for one: entering one takes a moment.
    static func plan(
        _ limits: ChildProcess.Limits, isConfined: Bool
    ) -> (group: ControlGroup, rest: ChildProcess.Limits)? {
        guard isConfined || limits.memory != nil || limits.processes != nil || limits.processors != nil,
            let mark = ProcessMark.own
        else { return nil }
        let (places, count) = state.withLock { state in
            state.count += 1
            return (state.places, state.count)
        }
        return plan(limits, in: places, name: "\(ControlGroup.prefix)\(mark.text)\(count)")
    }

    /// The same with everything given.
    static func plan(
        _ limits: ChildProcess.Limits, in places: [ControlGroupPlace], name: String
    ) -> (group: ControlGroup, rest: ChildProcess.Limits)? {
        var rest = limits
        // That of version 2 first: it can kill in one act.
        let folders = places.sorted { $0.isUnified && !$1.isUnified }.map { place in
            ControlGroup.Folder(path: "\(place.folder)/\(name)", settings: settings(for: &rest, in: place))
        }
        return folders.isEmpty ? nil : (ControlGroup(folders: folders), rest)
    }

    /// What holds the limits in `place`; they need no other holder then.
    private static func settings(
        for limits: inout ChildProcess.Limits, in place: ControlGroupPlace
    ) -> [ControlGroup.Setting] {
        var settings: [ControlGroup.Setting] = []
        if place.controllers.contains(.memory), let memory = limits.memory.take() {
            // Without the second one everything would go to the disk, and all others would wait for that.
            settings += [
                .init(file: place.isUnified ? "memory.max" : "memory.limit_in_bytes", value: "\(memory)"),
                place.isUnified
                    ? .init(file: "memory.swap.max", value: "0", isOptional: true)
                    : .init(file: "memory.memsw.limit_in_bytes", value: "\(memory)", isOptional: true),
            ]
        }
        if place.controllers.contains(.pids), let processes = limits.processes.take() {
            settings.append(.init(file: "pids.max", value: "\(processes)"))
        }
        if place.controllers.contains(.cpu), let processors = limits.processors.take() {
            let quota = max(1000, UInt64(processors * 100_000))
            settings +=
                place.isUnified
                ? [.init(file: "cpu.max", value: "\(quota) 100000")]
                : [
                    .init(file: "cpu.cfs_period_us", value: "100000"),
                    .init(file: "cpu.cfs_quota_us", value: "\(quota)"),
                ]
        }
        return settings
    }

    /// Kills and removes what gateways that have ended left there.
    static func clearAbandoned(in place: ControlGroupPlace) {
        for name in (try? FileSystem.list(place.folder)) ?? [] {
            guard let mark = ProcessMark(in: name, prefix: ControlGroup.prefix), mark.isAbandoned else { continue }
            ControlGroup(folders: [.init(path: "\(place.folder)/\(name)")]).clear(within: patience)
        }
    }
}
