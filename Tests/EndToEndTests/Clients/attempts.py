"""What a program may try to do to the machine it runs on. Each attempt answers with `ok` or the name of the error.

Used by `hostile.py`, and by itself: each argument is an attempt and its target, joined by `=`.
"""

import ctypes
import errno
import mmap
import os
import resource
import signal
import socket
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def read(path):
    with open(path, "rb") as file:
        file.read(16)


def write(path):
    with open(path, "ab") as file:
        file.write(b"x")


def truncate_reading(path):
    os.close(os.open(path, os.O_RDONLY | os.O_TRUNC))


def connect(port, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as peer:
        peer.connect(("127.0.0.1", int(port)))


def listen(_):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()


def family(number):
    socket.socket(int(number), socket.SOCK_DGRAM).close()


def unix(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    socket.socket(socket.AF_UNIX).connect(path)


def abstract(name):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect("\0" + name)


def trace(pid):
    libc.ptrace.argtypes = [ctypes.c_long] * 4
    # PTRACE_SEIZE does not stop it; a tracer that ends lets go.
    checked(libc.ptrace(0x4206, int(pid), 0, 0))


def peek(pid):
    buffer = ctypes.create_string_buffer(8)
    part = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
    checked(libc.process_vm_readv(int(pid), part, 1, part, 1, 0))


def limit(pid):
    resource.prlimit(int(pid), resource.RLIMIT_CORE, (0, 0))


def namespace(_):
    checked(libc.unshare(0x10000000))


def ring(_):
    parameters = ctypes.create_string_buffer(256)
    os.close(checked(libc.syscall(425, 4, parameters)))


def mount(path):
    checked(libc.mount(b"none", path.encode(), b"tmpfs", 0, None))


def spawn(count):
    """Runs `true` so many times, which shows that it can use the system's programs."""
    for _ in range(int(count)):
        if os.spawnv(os.P_WAIT, "/bin/true", ["true"]) != 0:
            raise OSError(errno.ECHILD, "")


def fork(count):
    """Forks so many children, which wait, and counts those there are."""
    made, failure = [], None
    for _ in range(int(count)):
        try:
            child = os.fork()
        except OSError as error:
            failure = error
            break
        if child == 0:
            time.sleep(600)
            os._exit(0)
        made.append(child)
    for child in made:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if failure:
        raise failure


def bomb(seconds):
    """Forks from all processes at once; the first one comes back."""
    end = time.monotonic() + float(seconds)
    first = os.getpid()
    while time.monotonic() < end:
        try:
            os.fork()
        except OSError:
            pass
    if os.getpid() != first:
        os._exit(0)


def eat(mebibytes):
    """Touches so much memory, piece by piece."""
    blocks = []
    for _ in range(int(mebibytes)):
        block = mmap.mmap(-1, 1 << 20)
        for page in range(0, 1 << 20, 4096):
            block[page] = 1
        blocks.append(block)


def burn(seconds):
    """Computes for so long and says how much processor time that got."""
    begin, end = time.process_time(), time.monotonic() + float(seconds)
    while time.monotonic() < end:
        pass
    raise Said(f"{time.process_time() - begin:.2f}")


class Said(Exception):
    pass


attempts = {
    "read": read, "write": write, "list": os.listdir, "remove": os.unlink, "truncate": lambda path: os.truncate(path, 0),
    "truncate-reading": truncate_reading, "link": lambda path: os.link(path, "linked"), "folder": os.mkdir,
    "device": lambda path: os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5)),
    "connect": connect, "listen": listen, "family": family, "unix": unix, "abstract": abstract,
    "pair": lambda _: socket.socketpair(), "signal": lambda pid: os.kill(int(pid), 0), "trace": trace, "peek": peek,
    "limit": limit, "namespace": namespace, "ring": ring, "mount": mount, "spawn": spawn, "fork": fork, "bomb": bomb,
    "eat": eat, "burn": burn, "exec": lambda path: checked(os.spawnv(os.P_WAIT, path, [path])) and None,
    "user": lambda _: (_ for _ in ()).throw(Said(f"{os.getuid()} {os.getgid()} {os.getgroups()}")),
    "capabilities": lambda _: (_ for _ in ()).throw(Said(next(
        line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff")))),
    "variable": lambda name: (_ for _ in ()).throw(Said(os.environ.get(name, ""))),
    "place": lambda _: (_ for _ in ()).throw(Said(os.getcwd())),
}


def attempt(name, target):
    try:
        attempts[name](target)
        return "ok"
    except Said as said:
        return str(said)
    except MemoryError:
        return "ENOMEM"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))


if __name__ == "__main__":
    for word in sys.argv[1:]:
        name, _, target = word.partition("=")
        print(f"{word}: {attempt(name, target)}", flush=True)
