// SPDX-License-Identifier: Apache-2.0
// report.mjs BROWSER MODULES PAGE...: opens each page as a reader would and checks what is promised of it.
import assert from "node:assert/strict";
import fs from "node:fs";
import { chromium } from "playwright-core";

const [browserPath, modules, ...pages] = process.argv.slice(2);
const axe = fs.readFileSync(`${modules}/node_modules/axe-core/axe.min.js`, "utf8");
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] });

async function open(file, colorScheme, width) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
  const page = await context.newPage();
  const problems = [];
  page.on("request", request => request.url().startsWith("file:") || problems.push(`asked for ${request.url()}`));
  page.on("console", message => problems.push(message.text()));
  page.on("pageerror", error => problems.push(String(error)));
  const begin = Date.now();
  await page.goto(`file://${file}`);
  await page.waitForFunction(() => !document.getElementById("state"), null, { timeout: 60000 });
  console.log(`${file}: ${colorScheme}, ${width} wide, ready after ${Date.now() - begin} ms`);
  return [context, page, problems];
}

async function checkAccess(page, label) {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => (await window.axe.run()).violations.map(one => `${one.id}: ${one.nodes[0].html}`));
  assert.deepEqual(found, [], `${label}: axe`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${label}: the page scrolls sideways by ${wide}`);
}

// The page of a cold start has no spans to find: its tables sort, and its imports open.
async function walkStart(page) {
  await page.focus("#stages th button");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.querySelectorAll("#stages th[aria-sort]").length), 1);
  await page.click("#imports canvas", { position: { x: 20, y: 30 } });
  assert.notEqual(await page.textContent("#live"), "", "a click on the flame graph says what it is of");
  await page.focus("#imports canvas");
  await page.keyboard.press("Escape");
  assert.ok(await page.evaluate(() => document.querySelectorAll("#starts .bar span").length) > 0, "each start is a bar");
  await page.click("#theme");
}

async function walkByKeyboard(page) {
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "find");
  const wanted = await page.evaluate(() => document.querySelectorAll("#detail h3").length);
  await page.keyboard.type("2");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector("#detail h3"));
  assert.equal(wanted, 0);
  assert.match(await page.evaluate(() => location.hash), /^#span=\d+$/);
  await page.focus("#waterfall canvas");
  const before = await page.textContent("#detail");
  await page.keyboard.press("ArrowDown");
  assert.notEqual(await page.textContent("#detail"), before, "the arrow keys move");
  for (const key of ["ArrowRight", "ArrowLeft", "w", "s", "a", "d", "f", "0", "End", "Home"]) await page.keyboard.press(key);
  await page.click("#keys");
  assert.equal(await page.isVisible("#help"), true);
  await page.keyboard.press("Escape");
  assert.equal(await page.isVisible("#help"), false);
  const theme = await page.evaluate(() => document.documentElement.dataset.theme);
  await page.click("#theme");
  assert.notEqual(await page.evaluate(() => document.documentElement.dataset.theme), theme);
}

for (const file of pages) {
  for (const [scheme, width] of [["light", 1280], ["dark", 390]]) {
    const [context, page, problems] = await open(file, scheme, width);
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), scheme);
    assert.match(await page.title(), /^ragtime: /);
    await checkAccess(page, `${file} ${scheme}`);
    await (await page.$("#find") ? walkByKeyboard : walkStart)(page);
    assert.match(await page.title(), /^ragtime: /, "a name ran as a script");
    assert.deepEqual(problems, []);
    await context.close();
  }
}
await browser.close();
console.log("ok");
