import AsyncIO
import Glibc

// Between the gateway and each child stands this same program; nothing else may come before.
Launcher.runIfRequested()

exit(Program.run(ProgramArguments.all, environment: Environment.all).rawValue)
