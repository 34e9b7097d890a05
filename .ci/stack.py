#!/usr/bin/python3
"""Prints how many bytes of stack each function that an image for Cortex-M exports takes: `.ci/stack.py IMAGE`.

The frames are the compiler's own figures, from -Zemit-stack-sizes; those of assembly, and of functions that were compiled without that
flag, are what their instructions push and subtract. Who calls whom is in the disassembly. Of the library's two calls through pointers, a
plan's to its drive and a drive's to what takes its runs, it is any that could be meant. Recursion is an error instead of a table.
"""

import re
import subprocess
import sys
from graphlib import TopologicalSorter
from io import BytesIO

from elftools.common.construct_utils import ULEB128
from elftools.common.utils import struct_parse
from elftools.elf.elffile import ELFFile



def main(path):
    with open(path, "rb") as file:
        image = ELFFile(file)
        frames = dict(frames_by_address(image))
        functions = {symbol.name: symbol for symbol in image.get_section_by_name(".symtab").iter_symbols() if is_function(symbol)}
    names = {address(symbol): name for name, symbol in functions.items()}
    calls, jumps, pointers, pushed = branches(path, set(names))
    sinks = {function for function, name in names.items() if SINK in name}
    drives = {function for function, name in names.items() if DRIVE in name} - sinks
    # Between a drive and the kernel may stand a sink that puts decisions in their places.
    placed = {function for function in sinks if DRIVE in names[function]}
    if pointers and not (drives and sinks):
        sys.exit("calls through pointers, and no functions that these could mean")
    for function in pointers:
        if function in placed or function in drives and re.search(PIECE, names[function]):
            calls[function] |= sinks - placed
        else:
            calls[function] |= sinks if function in drives or NOISE in names[function] else drives
    frames = pushed | frames

    deepest = {}
    for function in TopologicalSorter({function: calls[function] | jumps[function] for function in frames}).static_order():
        below = max((deepest[callee] for callee in calls[function]), default=0)
        instead = max((deepest[callee] for callee in jumps[function]), default=0)
        deepest[function] = max(frames[function] + below, instead)

    print("| function | frame | deepest chain of calls |", "|---|---:|---:|", sep="\n")
    for name, symbol in sorted(functions.items()):
        if symbol["st_info"].bind == "STB_GLOBAL" and not name.startswith("_R"):  # which are what crates export to each other
            print(f"| {name} | {frames[address(symbol)]} | {deepest[address(symbol)]} |")


# Parts of the mangled names: of modules, and of a trait.
DRIVE, NOISE, SINK = "6kernel5drive", "6kernel5noise", "4Sink"
PIECE = "8of_piece|5whole"  # what that sink may do in functions of their own


def is_function(symbol):
    return symbol["st_info"].type == "STT_FUNC"


def address(symbol):
    return symbol["st_value"] & ~1  # bit 0 only says that the code is Thumb


def frames_by_address(image):
    section = image.get_section_by_name(".stack_sizes")
    sizes = section.data() if section else b""
    stream = BytesIO(sizes)
    while stream.tell() < len(sizes):
        yield struct_parse(image.structs.Elf_addr(""), stream) & ~1, struct_parse(ULEB128(""), stream)


def branches(path, functions):
    """Which functions each one calls, which it jumps to as its last act, when its own frame is gone, which of them call through pointers,
    and what each pushes."""
    command = ["arm-none-eabi-objdump", "--disassemble", "--no-show-raw-insn", path]
    disassembly = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    calls, jumps = ({function: set() for function in functions} for _ in range(2))
    pushed, pointers = dict.fromkeys(functions, 0), set()
    inside = None
    for at, mnemonic, operands in re.findall(r"^ *(\w+):\t(\S+)\t?(.*)", disassembly, re.MULTILINE):
        if int(at, 16) in functions:
            inside = int(at, 16)
        if inside is None:
            continue  # data, or padding, before the first function
        pushed[inside] += bytes_pushed(mnemonic, operands)
        if mnemonic.startswith("blx") or mnemonic.startswith("bx") and operands != "lr":
            pointers.add(inside)
        if target := re.search(r"(\w+) <", operands):
            to = int(target[1], 16)
            if re.fullmatch("bl(..)?", mnemonic):  # with a condition too, unlike ble, bls and blt
                calls[inside].add(to)
            elif to in functions and to != inside:
                jumps[inside].add(to)
    return calls, jumps, pointers, pushed


def bytes_pushed(mnemonic, operands):
    """What an instruction takes of the stack, if every instruction of a function ran once."""
    mnemonic = mnemonic.removesuffix(".w")
    if mnemonic in ("push", "vpush") or mnemonic.startswith(("stmdb", "vstmdb")) and operands.startswith("sp!"):
        size = 8 if re.search(r"\bd\d", operands) else 4
        ranges = [names.partition("-") for names in re.search("{(.*)}", operands)[1].split(", ")]
        return size * sum(int(last[1:]) - int(first[1:]) + 1 if last else 1 for first, _, last in ranges)
    if match := re.match(r"sp, (?:sp, )?#(\d+)", operands):
        return int(match[1]) if mnemonic.startswith("sub") else 0
    if match := re.search(r"\[sp, #-(\d+)\]!", operands):
        return int(match[1])
    return 0


main(*sys.argv[1:])
