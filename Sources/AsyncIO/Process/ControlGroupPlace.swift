import CLibUV
import Glibc

/// A folder in which groups for children can be made: our own group in one hierarchy of control groups.
package struct ControlGroupPlace: Hashable, Sendable {
    /// What the kernel can bound for a group.
    package enum Controller: String, Hashable, Sendable, CaseIterable {
        case memory, pids, cpu
    }

    /// The folder of our own group.
    let folder: String
    /// Whether it is of version 2, where all controllers share a folder.
    let isUnified: Bool
    /// What groups in it can bound.
    var controllers: Set<Controller>

    /// All places that exist, from `/proc/self/mountinfo` and `/proc/self/cgroup`, writable or not. Of one of version 2 the
    /// controllers are still to be looked up.
    static func all(mounts: String, groups: String) -> [ControlGroupPlace] {
        let own = Self.ownGroups(groups)
        return mounts.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map { String($0) }
            guard let dash = words.firstIndex(of: "-"), dash >= 6, words.count > dash + 3 else { return nil }
            let (root, mount, type) = (words[3], words[4], words[dash + 1])
            // Written with escapes: of no hierarchy that anybody mounts.
            guard !mount.contains("\\") else { return nil }
            let names = words[dash + 3].split(separator: ",").map { String($0) }
            let controllers = Set(names.compactMap { Controller(rawValue: $0) })
            guard type == "cgroup2" || (type == "cgroup" && !controllers.isEmpty) else { return nil }
            let name = type == "cgroup2" ? "" : controllers.first?.rawValue ?? ""
            guard let group = own[name], let below = Self.path(of: group, below: root) else { return nil }
            return ControlGroupPlace(
                folder: mount + below, isUnified: type == "cgroup2", controllers: type == "cgroup2" ? [] : controllers)
        }
    }

    /// The group of each controller; that of version 2 has no name.
    private static func ownGroups(_ text: String) -> [String: String] {
        var groups: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            for name in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
                groups[String(name)] = String(parts[2])
            }
        }
        return groups
    }

    /// `group` as seen from a mount whose root is `root`; nil where it lies outside, as in a container's view.
    private static func path(of group: String, below root: String) -> String? {
        guard !group.contains("..") else { return nil }
        if group == root || group == "/" { return "" }
        if root == "/" { return group }
        return group.hasPrefix(root + "/") ? String(group.dropFirst(root.count)) : nil
    }

    /// The places of this process in which it may make folders.
    static func writable() -> [ControlGroupPlace] {
        guard let mounts = try? FileSystem.readFile("/proc/self/mountinfo"),
            let groups = try? FileSystem.readFile("/proc/self/cgroup")
        else { return [] }
        return all(mounts: String(decoding: mounts, as: UTF8.self), groups: String(decoding: groups, as: UTF8.self))
            .filter { unsafe access($0.folder, W_OK) == 0 }
            .compactMap { place in
                var place = place
                guard place.isUnified else { return place }
                guard place.isOurs else { return nil }
                place.controllers = place.names(in: "cgroup.controllers")
                return place
            }
    }

    /// A group that systemd made is ours to divide only when it says so (`Delegate=`).
    private var isOurs: Bool {
        guard folder.hasSuffix(".service") || folder.hasSuffix(".scope") else { return true }
        let names: [String] = ["user.delegate", "trusted.delegate"]
        return names.contains { name in unsafe sp_has_attribute(folder, name) != 0 }
    }

    /// Lets groups in it have their controllers, and keeps those for which that works. In version 2 nobody may live beside
    /// them, so we move to a group within our own, where we are its only inhabitant.
    ///
    /// First the move, then the controllers: with inhabitants the kernel takes `cpu` and `pids` all the same, and from then on
    /// our group is one for threads, below which no process may live. Only the root of all groups, which alone has no type, may
    /// have both.
    mutating func enable() {
        guard isUnified else { return }
        let missing = controllers.subtracting(names(in: "cgroup.subtree_control"))
        if !missing.isEmpty, !FileSystem.exists("\(folder)/cgroup.type") || moveIntoLeaf() {
            for controller in missing {
                _ = ControlGroup.write("+\(controller.rawValue)", to: "\(folder)/cgroup.subtree_control")
            }
        }
        controllers.formIntersection(names(in: "cgroup.subtree_control"))
    }

    private func moveIntoLeaf() -> Bool {
        let inhabitants = (try? FileSystem.readFile("\(folder)/cgroup.procs")) ?? []
        guard String(decoding: inhabitants, as: UTF8.self) == "\(getpid())\n" else { return false }
        let leaf = "\(folder)/sallyport-gateway"
        guard unsafe mkdir(leaf, 0o755) == 0 || errno == EEXIST else { return false }
        return ControlGroup.write("\(getpid())", to: "\(leaf)/cgroup.procs") == 0
    }

    /// Whether a process can live in a group that is made here, found out by making one of this name. Where somebody has made
    /// ours one for threads, none can.
    func takesGroups(like name: String) -> Bool {
        let folder = "\(folder)/\(name)"
        guard unsafe mkdir(folder, 0o755) == 0 else { return false }
        defer { _ = unsafe rmdir(folder) }
        guard isUnified else { return true }
        let type = (try? FileSystem.readFile("\(folder)/cgroup.type")) ?? []
        return String(decoding: type, as: UTF8.self) == "domain\n"
    }

    private func names(in file: String) -> Set<Controller> {
        let bytes = (try? FileSystem.readFile("\(folder)/\(file)")) ?? []
        let words = String(decoding: bytes, as: UTF8.self).split { $0 == " " || $0 == "\n" }
        return Set(words.compactMap { Controller(rawValue: String($0)) })
    }
}
