// SPDX-License-Identifier: Apache-2.0
// speedscope_import.cjs PACKAGE FILE...: runs speedscope's own importer, as its page would, without
// the page. Prints for each file: profiles, calls, weight, as JSON.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const release = path.join(process.argv[2], "dist/release");
const quiet = { log() {}, warn() {}, error: console.error };
const context = vm.createContext({ console: quiet, TextDecoder, TextEncoder, setTimeout, window: {}, navigator: { userAgent: "" } });
vm.runInContext("var parcelRequire;", context);
for (const part of ["speedscope.", "import."]) {
  const name = fs.readdirSync(release).find((file) => file.startsWith(part) && file.endsWith(".js"));
  const code = fs.readFileSync(path.join(release, name), "utf8");
  // the list of modules that start by themselves is emptied: the importer is wanted, not the page
  vm.runInContext(code.replace(/\},\{\},\[[^\]]*\], ?null\)/, "},{},[],null)"), context);
}
const importer = Object.keys(context.parcelRequire.modules)
  .map((id) => {
    try {
      return context.parcelRequire(id);
    } catch {
      return {}; // parts of the page
    }
  })
  .find((module) => module.importProfileGroupFromText);

async function main() {
  for (const file of process.argv.slice(3)) {
    const group = await importer.importProfileGroupFromText(path.basename(file), fs.readFileSync(file, "utf8"));
    let calls = 0;
    let weight = 0;
    for (const profile of group.profiles) {
      profile.forEachCall(() => calls++, () => {});
      weight += profile.getTotalWeight();
    }
    console.log(JSON.stringify({ profiles: group.profiles.length, calls, weight }));
  }
}

main();
