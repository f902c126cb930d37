import CLibUV
import Glibc

extension ChildProcess {
    /// What a child may reach; everything else is forbidden to it and to its descendants (P09).
    ///
    /// The kernel holds it (``Landlock``, ``SystemCallFilter``); a child that cannot be confined does not start. Beside
    /// what is named here it has ``systemPaths``, the files of its own program (``ProgramFiles``), its working directory
    /// and a folder for temporary files, which is made for it and goes with it.
    package struct Sandbox: Hashable, Sendable {
        /// Files and folders with all below them that it may read and execute; what is missing is left out.
        package var read: [String]
        /// Files and folders with all below them that it may change as well.
        package var write: [String]
        /// Whether it may have sockets other than those of this machine's file system.
        package var network: Bool

        package init(read: [String] = [], write: [String] = [], network: Bool = false) {
            self.read = read
            self.write = write
            self.network = network
        }

        /// What every sandbox may read: programs and libraries of the system, and the few settings and figures that
        /// runtimes look at. Nothing that tells about users, other processes or secrets.
        package static let systemPaths = [
            "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf",
            "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/etc/timezone", "/etc/mime.types",
            "/etc/terminfo", "/etc/fonts", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ca-certificates",
            "/etc/ca-certificates.conf", "/etc/pki/tls/certs", "/etc/pki/ca-trust", "/etc/crypto-policies",
            "/etc/hosts", "/etc/host.conf", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
            "/etc/services", "/etc/protocols", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/uptime",
            "/proc/loadavg", "/proc/version", "/proc/filesystems", "/proc/sys", "/sys/devices/system/cpu",
        ]

        /// Devices without a machine behind them.
        static let devices = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]

        /// Why this machine cannot enforce a sandbox; nil where it can.
        package static let obstacle: String? = {
            guard SystemCallFilter.isKnownArchitecture else {
                return "system calls of this processor cannot be filtered"
            }
            guard sp_can_filter_system_calls() != 0 else {
                return "this kernel cannot filter system calls (seccomp)"
            }
            guard Landlock.version > 0 else {
                return "this kernel has no Landlock, or it was switched off at boot (lsm=)"
            }
            return nil
        }()
    }
}
