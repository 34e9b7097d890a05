"""Merges what the Rust and the Python peers measured into one table and one picture.

usage: report.py RUST.json PYTHON.json DIRECTORY
"""

import datetime
import importlib.metadata
import json
import pathlib
import subprocess
import sys
import tomllib

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
matplotlib.rcParams["svg.hashsalt"] = "peers"  # the same ids in every run
import matplotlib.pyplot as plt

HERE = pathlib.Path(__file__).parent
OURS = "dropout-kernels"  # and its bindings, "dropout-kernels in ..."
SIZES = {1 << 14: "16k", 1 << 17: "128k", 1 << 20: "1M", 1 << 24: "16M"}
COLOURS = {0.1: "#d1495b", 0.5: "#00798c"}
PYTHON_PACKAGES = {"PyTorch": "torch", "JAX": "jax", "ONNX Runtime": "onnxruntime", "NumPy": "numpy"}
RUST_PACKAGES = {"SmallRng loop": "rand", "Bernoulli loop": "rand", "Pcg64Mcg loop": "rand_pcg", "candle": "candle-core"}


def versions():
    """The name of each peer with the version that was measured."""
    locked = tomllib.loads((HERE / "Cargo.lock").read_text())["package"]
    needed = next(package for package in locked if package["name"] == "dropout-peers")["dependencies"]
    # A dependency is locked as "name version" where there are several versions of it.
    rust = {package["name"]: package["version"] for package in locked}
    rust |= dict(dependency.split() for dependency in needed if " " in dependency)

    def version(peer):
        host = peer.removeprefix(f"{OURS} in ")
        if package := PYTHON_PACKAGES.get(host):
            return f"{peer} {importlib.metadata.version(package).split('+')[0]}"
        if host != peer:
            return f"{peer} {rust[RUST_PACKAGES.get(host, host)]}"
        package = RUST_PACKAGES.get(peer, peer)
        return f"{peer} {rust[package]}" if package == peer else f"{peer} ({package} {rust[package]})"

    return version


def machine():
    lines = subprocess.check_output("lscpu", text=True).splitlines()
    cpu = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    vectors = "AVX-512" if "avx512f" in cpu["Flags"] else "AVX2" if "avx2" in cpu["Flags"] else "neither AVX2 nor AVX-512"
    return (
        f"{cpu['Model name']} (family {cpu['CPU family']}, model {cpu['Model']}), {vectors}, "
        f"L2 {cpu['L2 cache']}, L3 {cpu['L3 cache']}, {datetime.date.today()}"
    )


def table(rows, peers, label, machine):
    lines = ["# Dropout of f32 tensors on one thread", "", machine, "", "Nanoseconds an element (times the floor y = x * s)", ""]
    for p in COLOURS:
        lines.append(f"| p = {p} | " + " | ".join(SIZES.values()) + " |")
        lines.append("|---|" + "---:|" * len(SIZES))
        for peer in peers:
            name = f"**{label(peer)}**" if peer.startswith(OURS) else label(peer)
            cells = [rows[peer, p, n] for n in SIZES]
            cells = [f"{row['ns_per_element']:.3g} ({row['ratio_to_floor']:.3g}x)" for row in cells]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def picture(rows, peers, label, machine):
    figure, panels = plt.subplots(1, len(SIZES), figsize=(11, 4.6), sharex=True, sharey=True, layout="constrained")
    heights = range(len(peers), 0, -1)
    for panel, (n, size) in zip(panels, SIZES.items()):
        ours = rows[OURS, 0.5, n]
        panel.axvline(ours["ns_per_element"] / ours["ratio_to_floor"], color="black", linestyle="--", linewidth=1, label="y = x * s")
        for p, colour in COLOURS.items():
            times = [rows[peer, p, n]["ns_per_element"] for peer in peers]
            panel.scatter(times, heights, color=colour, s=28, zorder=3, label=f"p = {p}")
        for peer, height in zip(peers, heights):
            slowest = max(rows[peer, p, n]["ns_per_element"] for p in COLOURS)
            text = " / ".join(f"{rows[peer, p, n]['ns_per_element']:.2g}" for p in COLOURS)
            panel.annotate(text, (slowest, height), (6, 0), textcoords="offset points", va="center", fontsize=8)
        panel.set_title(f"{size} elements", fontsize=11)
        panel.set_xscale("log")
        panel.set_xlim(0.04, 400)
        panel.set_xticks([0.1, 1, 10], ["0.1", "1", "10"])
        panel.grid(axis="both", color="#dddddd", linewidth=0.6)
        panel.set_axisbelow(True)
    panels[0].set_yticks(list(heights), [label(peer) for peer in peers])
    for peer, name in zip(peers, panels[0].get_yticklabels()):
        if peer.startswith(OURS):
            name.set_fontweight("bold")
    figure.supxlabel(f"ns an element at p = 0.1 / 0.5, one thread, logarithmic\n{machine}", fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return figure


def main():
    *inputs, directory = map(pathlib.Path, sys.argv[1:])
    measured = [row for file in inputs for row in json.loads(file.read_text())]
    rows = {(row["op"], row["p"], row["n"]): row for row in measured}
    peers = sorted({row["op"] for row in measured}, key=lambda peer: rows[peer, 0.1, 1 << 20]["ns_per_element"])
    arguments = (rows, peers, versions(), machine())
    (directory / "peers.md").write_text(table(*arguments))
    picture(*arguments).savefig(directory / "peers.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
