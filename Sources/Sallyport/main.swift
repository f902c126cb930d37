import AsyncIO
import Glibc

// A launcher of a child process is this binary too: it must not do anything else first.
Launcher.runIfRequested()

exit(Program.run(Array(CommandLine.arguments.dropFirst()), environment: ProcessEnvironment.all).rawValue)
