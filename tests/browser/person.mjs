/**
 * A person in front of the pages. `node person.mjs WHAT FOLDER ADDRESS …` does one thing in a real browser and writes what it
 * saw as one line of JSON; what is not as it should be ends it with an error. The browser and axe are those of the folder.
 */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { access } from "node:fs/promises";

const [what, folder, address, ...rest] = process.argv.slice(2);
// On a machine without nss and nspr, the package unpacks libraries of its own for this runtime.
process.env.AWS_EXECUTION_ENV ??= "AWS_Lambda_nodejs22.x";
const require = createRequire(`${folder}/package.json`);
const { chromium } = require("playwright-core");
const chromiumPackage = require("@sparticuz/chromium");
const packaged = chromiumPackage.default ?? chromiumPackage;
const axe = require("axe-core").source;

const WIDTHS = [320, 360, 768, 1440];
const THEMES = ["light", "dark"];

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
async function open(browser, options = {}) {
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

const texts = (page, selector) => page.locator(selector).allInnerTexts();

/** Key figures by their label, as numbers. */
async function keys(page) {
  const labels = await page.locator(".cra-keys .cra-key__label").allTextContents();
  const values = await page.locator(".cra-keys .cra-key__value").allTextContents();
  return Object.fromEntries(labels.map((label, index) => [label.trim(), Number(values[index].replace(/\s/g, ""))]));
}

const deeds = {
  /** Reads the key figures and the rows of every breakdown at an address. */
  async reads(browser) {
    const { page, faults } = await open(browser);
    await page.goto(address + rest[0]);
    const tables = {};
    for (const card of await page.locator(".cra-card").all()) {
      const rows = await card.locator("tbody tr").all();
      const read = async (row) => [
        await row.locator(".cra-bars__label").evaluate((it) => it.firstElementChild?.tagName === "A" ? it.firstElementChild.textContent : it.childNodes[0].textContent),
        await row.locator("td").first().evaluate((it) => it.childNodes[0].textContent.trim()),
      ];
      tables[await card.getAttribute("id")] = await Promise.all(rows.map(read));
    }
    return { keys: await keys(page), tables, state: await page.locator(".cra-state").innerText(), faults };
  },

  /** Filters, keeps the address, opens it again; also without JavaScript. */
  async filters(browser) {
    const seen = [];
    for (const javaScriptEnabled of [true, false]) {
      const { page, context, faults } = await open(browser, { javaScriptEnabled });
      await page.goto(`${address}/`);
      await page.locator(".cra-more > summary").click();
      await page.locator("#champ-departement").fill("ille et vilaine");
      await page.getByLabel("Courriels", { exact: true }).check();
      await page.getByRole("button", { name: "Afficher" }).first().click();
      await page.waitForURL(/departement=35/);
      const kept = page.url();
      const figures = await keys(page);
      const chips = await texts(page, ".fr-tag--dismiss");
      const other = await open(browser, { javaScriptEnabled });
      await other.page.goto(kept);
      assert.deepEqual(await keys(other.page), figures, "the kept address shows the same");
      assert.equal(other.page.url(), kept, "the address is the canonical one");
      await page.locator(".fr-tag--dismiss", { hasText: "Ille-et-Vilaine" }).click();
      await page.waitForURL((url) => !url.search.includes("departement"));
      seen.push({ kept: new URL(kept).search, figures, chips, widened: await keys(page), faults });
      await context.close();
    }
    return seen;
  },

  /** Does it all by keyboard: skips to the content, types a day, sends the form with Enter, opens a definition. */
  async keyboard(browser) {
    const { page, faults } = await open(browser);
    await page.goto(`${address}/`);
    const focused = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.id);
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Contenu", "the first stop leads past the menu");
    await page.keyboard.press("Enter");
    const reach = async (isThere, name) => {
      for (let step = 0; step < 400; step += 1) {
        await page.keyboard.press("Tab");
        const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.notEqual(outline, "none", `no focus is shown at ${await focused()}`);
        if (await page.evaluate(isThere)) return;
      }
      assert.fail(`${name} cannot be reached`);
    };
    await reach(() => document.activeElement.id === "champ-du", "the first day");
    await page.keyboard.type("01012024");
    await page.keyboard.press("Enter");
    await page.waitForURL(/du=2024-01-01/);
    await reach(() => document.activeElement.matches(".cra-keys summary"), "a definition");
    await page.keyboard.press("Enter");
    assert.match(await page.locator(".cra-keys details[open] p").first().innerText(), /comptes-rendus/);
    await reach(() => document.activeElement.matches('.fr-table[role="region"]'), "a table that scrolls");
    return { url: new URL(page.url()).search, faults };
  },

  /** Types what is wrong, is led to the field, finds what was typed. */
  async mistypes(browser) {
    const { page, faults } = await open(browser);
    await page.goto(`${address}/`);
    await page.locator(".cra-more > summary").click();
    await page.locator("#champ-departement").fill("<script>alert(1)</script>");
    await page.getByRole("button", { name: "Afficher" }).first().click();
    const summary = page.getByRole("alert");
    await summary.waitFor();
    const message = await summary.innerText();
    await summary.getByRole("link").first().click();
    const field = page.locator("#champ-departement");
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    return { message, typed: await field.inputValue(), scripts: await page.locator("script").count(), faults };
  },

  /** Takes a picture of the upper part of an address; the README shows it. */
  async pictures(browser) {
    const { page, faults } = await open(browser, { viewport: { width: 1200, height: 1180 } });
    await page.goto(address + rest[0]);
    await page.screenshot({ path: rest[1] });
    return { keys: await keys(page), faults };
  },

  /** Looks with axe at every address that follows, in both themes and at every width. */
  async looks(browser) {
    const found = [];
    for (const theme of THEMES) {
      for (const width of WIDTHS) {
        const { page, context, faults } = await open(browser, { colorScheme: theme, viewport: { width, height: 900 } });
        for (const path of rest) {
          await page.goto(address + path);
          for (const folded of await page.locator("details").all()) await folded.evaluate((it) => { it.open = true; });
          await page.evaluate(axe);
          const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
          for (const { id, help, nodes } of violations) {
            found.push(`${path} ${width} ${theme}: ${id}, ${help}: ${nodes.slice(0, 3).map((node) => node.html).join(" ")}`);
          }
          const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          if (excess > 0) found.push(`${path} ${width}: ${excess} px wider than the screen`);
        }
        found.push(...faults);
        await context.close();
      }
    }
    return { found };
  },
};

const browser = await launch();
try {
  console.log(JSON.stringify(await deeds[what](browser)));
} finally {
  await browser.close();
}
