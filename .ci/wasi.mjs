// Runs a WASI program: `node wasi.mjs PROGRAM ARGUMENTS...`
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [program, ...args] = process.argv.slice(2);
// The corpora that tests replay; the rest of the file system is not there.
const fuzz = new URL("../fuzz", import.meta.url).pathname;
const wasi = new WASI({ version: "preview1", args: [program, ...args], preopens: { [fuzz]: fuzz } });
const { instance } = await WebAssembly.instantiate(await readFile(program), wasi.getImportObject());
wasi.start(instance);
