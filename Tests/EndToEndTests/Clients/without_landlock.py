"""Runs a program on a kernel that seems to lack Landlock: its first system call fails with ENOSYS."""

import ctypes
import os
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
program = b"".join(
    struct.pack("=HBBI", *step)
    for step in [
        (0x20, 0, 0, 0),  # the number of the call
        (0x15, 0, 1, 444),  # landlock_create_ruleset
        (0x06, 0, 0, 0x00050000 | 38),  # ENOSYS
        (0x06, 0, 0, 0x7FFF0000),  # everything else is allowed
    ]
)
memory = ctypes.create_string_buffer(program)


class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_void_p)]


assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Filter(4, ctypes.addressof(memory))), 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
