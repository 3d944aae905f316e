/**
 * A real browser for the tests of the pages. `node FILE WHAT FOLDER ADDRESS …` does one thing in it and writes what it saw as one
 * line of JSON; what is not as it should be ends it with an error. The browser and axe are those of the folder.
 */

import { createRequire } from "node:module";
import { access } from "node:fs/promises";

const [what, folder] = process.argv.slice(2);
/** Of the pages, and what follows it on the command line. */
export const [address, ...rest] = process.argv.slice(4);
// On a machine without nss and nspr, the package unpacks libraries of its own for this runtime.
process.env.AWS_EXECUTION_ENV ??= "AWS_Lambda_nodejs22.x";
const require = createRequire(`${folder}/package.json`);
const { chromium } = require("playwright-core");
const chromiumPackage = require("@sparticuz/chromium");
const packaged = chromiumPackage.default ?? chromiumPackage;
const axe = require("axe-core").source;

export const WIDTHS = [320, 360, 768, 1440];
export const THEMES = ["light", "dark"];

/** Debian's browser where it is installed, else the one of the package. */
async function launch() {
  const installed = "/usr/bin/chromium";
  const isInstalled = await access(installed).then(() => true, () => false);
  // Without these two, a page that closes ends the browser.
  const args = packaged.args.filter((arg) => !["--single-process", "--no-zygote"].includes(arg));
  const executablePath = isInstalled ? installed : await packaged.executablePath();
  return chromium.launch({ executablePath, args, headless: true });
}

/** A page that fails the test when anything leaves the origin, a script fails or the policy refuses something. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "fr-FR", ...options });
  const page = await context.newPage();
  const faults = [];
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== address) faults.push(`left the origin: ${request.url()}`);
  });
  page.on("pageerror", (error) => faults.push(`a script failed: ${error.message}`));
  page.on("console", (message) => {
    const isOfAnErrorPage = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isOfAnErrorPage) faults.push(message.text());
  });
  page.on("dialog", (dialog) => faults.push(`a dialog opened: ${dialog.message()}`));
  return { page, context, faults };
}

/** Key figures by their label, as numbers. */
export async function keys(page) {
  const labels = await page.locator(".cra-keys .cra-key__label").allTextContents();
  const values = await page.locator(".cra-keys .cra-key__value").allTextContents();
  return Object.fromEntries(labels.map((label, index) => [label.trim(), Number(values[index].replace(/\s/g, ""))]));
}

/** Words of labels of figures that stand on two lines. */
function brokenWords() {
  const isBroken = (text, word, index) => {
    const range = document.createRange();
    range.setStart(text, index);
    range.setEnd(text, index + word.length);
    return new Set([...range.getClientRects()].map((box) => box.top)).size > 1;
  };
  return [...document.querySelectorAll(".cra-key__label")].flatMap(({ firstChild: text }) =>
    [...text.data.matchAll(/[^\s-]+/g)].filter(({ 0: word, index }) => isBroken(text, word, index)).map(([word]) => word));
}

/**
 * What axe finds on the page as it is, with everything unfolded; whether a label breaks within a word, and whether the page is
 * wider than the screen.
 */
export async function lookAt(page, name) {
  for (const folded of await page.locator("details").all()) await folded.evaluate((it) => { it.open = true; });
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const found = violations.map(({ id, help, nodes }) =>
    `${name}: ${id}, ${help}: ${nodes.slice(0, 3).map((node) => node.html).join(" ")}`);
  for (const word of await page.evaluate(brokenWords)) found.push(`${name}: the label breaks within "${word}"`);
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (excess > 0) found.push(`${name}: ${excess} px wider than the screen`);
  return found;
}

/** Does what the command line names. */
export async function act(deeds) {
  const browser = await launch();
  try {
    console.log(JSON.stringify(await deeds[what](browser)));
  } finally {
    await browser.close();
  }
}
