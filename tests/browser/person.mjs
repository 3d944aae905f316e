/**
 * A person who reads the pages. `node person.mjs WHAT FOLDER ADDRESS …` does one thing, as `browser.mjs` describes.
 */

import assert from "node:assert/strict";
import { THEMES, WIDTHS, act, address, keys, lookAt, open, rest } from "./browser.mjs";

const texts = (page, selector) => page.locator(selector).allInnerTexts();

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
    await reach(() => document.activeElement.matches('.fr-table__container[role="region"]'), "a table that scrolls");
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

  /** Follows the figures: they change without the page being loaded again, and what is unfolded or has the focus stays so. */
  async follows(browser) {
    const { page, faults } = await open(browser);
    await page.goto(address + rest[0]);
    await page.getByRole("link", { name: "Suivre en direct" }).click();
    await page.waitForURL(/direct=oui/);
    await page.getByText("En direct", { exact: true }).waitFor();
    const before = await keys(page);
    await page.evaluate(() => { globalThis.isSamePage = true; });
    const summary = page.locator("#chiffres summary").first();
    await summary.focus();
    await page.keyboard.press("Enter");
    // The test records more once it reads this line.
    console.error("ready");
    await page.waitForFunction((position) => document.getElementById("chiffres").dataset.position === position, rest[1]);
    const after = await keys(page);
    const state = await page.locator(".cra-state").innerText();
    const kept = await page.evaluate(() => ({
      isSamePage: globalThis.isSamePage === true,
      isUnfolded: document.querySelector("#chiffres details").open,
      hasFocus: document.activeElement === document.querySelector("#chiffres summary"),
    }));
    const found = await lookAt(page, "live");
    await page.getByRole("link", { name: "Arrêter le direct" }).click();
    await page.waitForURL((url) => !url.search.includes("direct"));
    const without = await open(browser, { javaScriptEnabled: false });
    await without.page.goto(`${address}/?direct=oui`);
    const offer = await without.page.locator("#direct").innerText();
    await without.page.getByRole("link", { name: "Actualiser" }).click();
    return { before, after, state, kept, found, offer, faults: [...faults, ...without.faults] };
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
          found.push(...await lookAt(page, `${path} ${width} ${theme}`));
        }
        found.push(...faults);
        await context.close();
      }
    }
    return { found };
  },
};

await act(deeds);
