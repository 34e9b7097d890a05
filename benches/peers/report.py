"""Merges what the Rust and the Python peers measured: all of it as a table and a picture, and the summary that the README shows.

usage: report.py RUST.json PYTHON.json DIRECTORY
"""

import importlib.metadata
import json
import pathlib
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
README = HERE / "../../README.md"
SUMMARY = 0.1, 1 << 20  # the rate and the size that it is of
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


def pairs(rows):
    """Each library of the summary with its time, that of its binding if it has one, and that of the floor; the slowest first."""
    p, n = SUMMARY
    time = {op: row["ns_per_element"] for (op, *which), row in rows.items() if which == [p, n]}
    libraries = [op for op in time if not op.startswith(OURS) and not op.endswith("loop")]
    libraries = {op: (time[op], time.get(f"{OURS} in {op.removesuffix('-nn')}")) for op in libraries}
    floor = rows[OURS, p, n]["ns_per_element"] / rows[OURS, p, n]["ratio_to_floor"]
    return dict(sorted(libraries.items(), key=lambda item: -item[1][0])), time[OURS], floor


def summary_picture(rows, label, machine):
    """Bars from zero, as SVG of its own background, which is light or dark as the reader has it."""
    libraries, ours, floor = pairs(rows)
    p, n = SUMMARY
    left, top, height, width = 204, 64, 34, 470
    scale = width / max(alone for alone, _ in libraries.values())
    bottom = top + height * (len(libraries) + 1)
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {bottom + 62}" font-family="system-ui, sans-serif" font-size="14">',
        "<style>",
        ".page { fill: #ffffff } .text { fill: #1f2328 } .small { fill: #59636e; font-size: 12px } .peer { fill: #aab4be } .ours { fill: #0a7f8f }",
        ".floor { stroke: #59636e; stroke-dasharray: 3 3 }",
        "@media (prefers-color-scheme: dark) {",
        ".page { fill: #0d1117 } .text { fill: #f0f6fc } .small { fill: #9198a1 } .peer { fill: #57606a } .ours { fill: #3fc1d0 }",
        ".floor { stroke: #9198a1 }",
        "}",
        "</style>",
        '<rect class="page" width="100%" height="100%" rx="6"/>',
        f'<text class="text" x="20" y="30" font-weight="600">Dropout of {SIZES[n]} f32 at p = {p} on one thread: nanoseconds an element, less is better</text>',
        f'<rect class="peer" x="20" y="42" width="12" height="10"/><text class="small" x="38" y="51">the library itself</text>',
        f'<rect class="ours" x="150" y="42" width="12" height="10"/><text class="small" x="168" y="51">with this one in its place</text>',
    ]

    def bar(kind, y, value):
        svg.append(f'<rect class="{kind}" x="{left}" y="{y}" width="{value * scale:.1f}" height="12"/>')
        svg.append(f'<text class="text" x="{left + value * scale + 6:.1f}" y="{y + 10}" font-size="12">{value:.2g}</text>')

    for row, (library, (alone, replaced)) in enumerate(libraries.items()):
        y = top + height * row
        svg.append(f'<text class="text" x="{left - 10}" y="{y + 19}" text-anchor="end">{label(library)}</text>')
        if replaced:
            bar("peer", y + 2, alone)
            bar("ours", y + 15, replaced)
        else:
            bar("peer", y + 9, alone)
    y = bottom - height
    svg.append(f'<text class="text" x="{left - 10}" y="{y + 19}" text-anchor="end" font-weight="600">{OURS}, Rust</text>')
    bar("ours", y + 9, ours)
    svg.append(f'<line class="floor" x1="{left + floor * scale:.1f}" x2="{left + floor * scale:.1f}" y1="{top}" y2="{bottom + 6}"/>')
    svg.append(f'<text class="small" x="{left + floor * scale + 6:.1f}" y="{bottom + 12}">{floor:.2g}: y = x * s, a loop that draws no mask</text>')
    svg.append(f'<text class="small" x="20" y="{bottom + 44}">{machine}</text>')
    return "\n".join([*svg, "</svg>", ""])


def summary_table(rows, label, machine):
    libraries, ours, floor = pairs(rows)
    p, n = SUMMARY
    lines = [
        f"![Nanoseconds an element of dropout: {len(libraries)} libraries, and this one in their place](benches/peers/results/summary.svg)",
        "",
        f"| {SIZES[n]} `f32`, p = {p}, one thread | ns an element | with this library in its place | |",
        "|---|---:|---:|---:|",
    ]
    for library, (alone, replaced) in libraries.items():
        with_ours = f"{replaced:.2g} | **{alone / replaced:.0f} x as fast**" if replaced else "| "
        lines.append(f"| {label(library)} | {alone:.3g} | {with_ours} |")
    lines += [
        f"| slices in Rust, into memory that is there | | {ours:.2g} | {ours / floor:.1f} x the time of `y = x * s` |",
        "",
        f"Each library is called as its users call it, and allocates its output. Measured on {machine}; other processes used the CPU too. "
        "[All sizes and rates, and how it is measured](benches/peers/README.md).",
    ]
    return "\n".join(lines)


def into_readme(text):
    before, rest = README.read_text().split("<!-- speed, made by benches/peers/run.sh -->\n")
    _, after = rest.split("<!-- /speed -->\n")
    README.write_text(f"{before}<!-- speed, made by benches/peers/run.sh -->\n{text}\n<!-- /speed -->\n{after}")


def main():
    *inputs, directory = map(pathlib.Path, sys.argv[1:])
    measured = [row for file in inputs for row in json.loads(file.read_text())]
    rows = {(row["op"], row["p"], row["n"]): row for row in measured}
    peers = sorted({row["op"] for row in measured}, key=lambda peer: rows[peer, 0.1, 1 << 20]["ns_per_element"])
    arguments = (rows, peers, versions(), (directory / "machine.txt").read_text().strip())
    (directory / "peers.md").write_text(table(*arguments))
    picture(*arguments).savefig(directory / "peers.svg", metadata={"Date": None})
    label, here = arguments[2:]
    (directory / "summary.svg").write_text(summary_picture(rows, label, here))
    into_readme(summary_table(rows, label, here))


if __name__ == "__main__":
    main()
