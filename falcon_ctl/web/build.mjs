// Builds the bundles that the package ships: `npm ci && npm run build`.
//
// Each folder of src/ with a main.js is a page: bundles/PAGE.js, with bundles/PAGE.css when it
// imports a style sheet, and bundles/PAGE.html when the folder has an index.html. What was built
// from which sources is in bundles/PAGE.json, which a test compares without npm; the licences of
// the libraries inside are in bundles/PAGE.LICENSES.txt.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const bundles = path.join(here, "bundles");
const ALWAYS = ["build.mjs", "package.json", "package-lock.json"]; // these decide every bundle
const LICENCE_FILE = /^(licen[cs]e|copying)(\.|$)/i;

const only = process.argv.slice(2);
const pages = (await readdir(path.join(here, "src"), { withFileTypes: true }))
  .filter((entry) => entry.isDirectory() && existsSync(path.join(here, "src", entry.name, "main.js")))
  .map((entry) => entry.name)
  .filter((name) => only.length === 0 || only.includes(name))
  .sort();
await mkdir(bundles, { recursive: true });
for (const page of pages) {
  await buildPage(page);
}

async function buildPage(page) {
  const result = await build({
    absWorkingDir: here,
    entryPoints: { [page]: `src/${page}/main.js` },
    outdir: "bundles",
    bundle: true,
    format: "iife",
    target: ["es2022"],
    minify: true,
    legalComments: "none", // see PAGE.LICENSES.txt
    metafile: true,
    write: false,
    logLevel: "info",
  });
  const inputs = Object.keys(result.metafile.inputs);
  const sources = inputs.filter((name) => !name.startsWith("node_modules/"));
  const outputs = new Map(result.outputFiles.map((file) => [path.basename(file.path), file.contents]));
  const html = `src/${page}/index.html`;
  if (existsSync(path.join(here, html))) {
    sources.push(html);
    outputs.set(`${page}.html`, await readFile(path.join(here, html)));
  }
  const packages = await packagesOf(inputs);
  if (packages.length > 0) {
    outputs.set(`${page}.LICENSES.txt`, Buffer.from(await licences(packages)));
  }
  const manifest = {
    sources: await hashes([...sources, ...ALWAYS]),
    packages: Object.fromEntries(packages.map(({ name, version }) => [name, version])),
    bundles: Object.fromEntries([...outputs].sort().map(([name, data]) => [name, sha256(data)])),
  };
  await removeOld(page);
  for (const [name, data] of outputs) {
    await writeFile(path.join(bundles, name), data);
  }
  await writeFile(path.join(bundles, `${page}.json`), `${JSON.stringify(manifest, null, 2)}\n`);
}

async function removeOld(page) {
  for (const name of await readdir(bundles)) {
    if (name.startsWith(`${page}.`)) {
      await rm(path.join(bundles, name));
    }
  }
}

async function hashes(names) {
  const found = {};
  for (const name of [...names].sort()) {
    found[name] = sha256(await readFile(path.join(here, name)));
  }
  return found;
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

// The packages that a bundle has code of: [{ name, version, licence, folder }]. Those that they
// depend on are among them, as some come with their dependencies already inside.
async function packagesOf(inputs) {
  const found = inputs.map((name) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(name)?.[1]);
  const folders = new Set(found.filter(Boolean));
  const packages = [];
  for (const folder of folders) {
    const described = JSON.parse(await readFile(path.join(here, folder, "package.json"), "utf8"));
    const { name, version, license: licence, dependencies = {} } = described;
    packages.push({ folder, name, version, licence });
    Object.keys(dependencies).forEach((one) => folders.add(`node_modules/${one}`));
  }
  return packages.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function licences(packages) {
  const texts = ["Libraries inside this bundle, and their licences.\n"];
  for (const { folder, name, version, licence } of packages) {
    const files = (await readdir(path.join(here, folder))).filter((file) => LICENCE_FILE.test(file));
    if (files.length === 0) {
      throw new Error(`${name}: no licence file in ${folder}`);
    }
    const text = await readFile(path.join(here, folder, files.sort()[0]), "utf8");
    texts.push(`${"-".repeat(80)}\n${name} ${version} (${licence})\n\n${text.trim()}\n`);
  }
  return texts.join("\n");
}
