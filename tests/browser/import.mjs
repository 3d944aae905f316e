/** A person who imports a file. `node import.mjs WHAT FOLDER ADDRESS …` does one thing, as `browser.mjs` describes. */

import assert from "node:assert/strict";
import { THEMES, act, address, keys, lookAt, open, rest } from "./browser.mjs";

const check = (page) => page.getByRole("button", { name: "Vérifier le fichier" });
const confirm = (page) => page.getByRole("button", { name: /^Enregistrer/ });
const choose = (page, file) => page.locator("#champ-fichier").setInputFiles(file);
/** Where each fault is and what it says. */
const faults = (page) => page.locator(".cra-cells tbody tr").allInnerTexts();

/** The element with the focus: a browser gives it after it has shown the page. */
async function focused(page, id) {
  await page.waitForFunction((it) => document.activeElement?.id === it, id);
}

/** Sends a file, sees what it holds, confirms it, waits for its end. */
async function imports(page, file) {
  await page.goto(`${address}/import`);
  await choose(page, file);
  await check(page).click();
  await confirm(page).waitFor();
  const shown = await keys(page);
  const period = await page.locator(".cra-key__value--text").innerText();
  await confirm(page).click();
  await page.locator("#recu").waitFor();
  await focused(page, "recu");
  return { shown, period, title: await page.locator("#recu h2").innerText(), results: await keys(page) };
}

const deeds = {
  /** Imports a sheet with two bad cells, mends them, imports it, and then the same file again; with and without JavaScript. */
  async mends(browser) {
    const [bad, mended] = rest;
    const seen = [];
    for (const javaScriptEnabled of [true, false]) {
      const { page, context, faults: wrong } = await open(browser, { javaScriptEnabled });
      await page.goto(`${address}/saisie`);
      await page.getByRole("link", { name: "Importer", exact: true }).click();
      await check(page).click();
      await focused(page, "erreurs");
      const none = await page.locator("#erreurs").innerText();
      await choose(page, bad);
      await check(page).click();
      await focused(page, "erreurs");
      assert.match(await page.title(), /^Erreur/);
      const found = { title: await page.locator("#erreurs h2").innerText(), cells: await faults(page) };
      await choose(page, mended);
      await check(page).click();
      await confirm(page).waitFor();
      const kept = page.url();
      const first = await imports(page, mended);
      const again = await imports(page, mended);
      // The import that was checked before is confirmed now, by two presses.
      await page.goto(kept);
      await confirm(page).dblclick();
      await page.locator("#recu").waitFor();
      await page.reload();
      const late = await keys(page);
      await page.getByRole("link", { name: "Voir les comptes-rendus" }).click();
      const listed = await page.locator(".cra-list li").count();
      seen.push({ none, found, first, again, late, listed, faults: wrong });
      await context.close();
    }
    return seen;
  },

  /** Imports a file by keyboard alone. */
  async keyboard(browser) {
    const { page, faults: wrong } = await open(browser);
    await page.goto(`${address}/import`);
    const { keyboard } = page;
    const reach = async (name) => {
      // While a page loads, a press may focus nothing.
      await page.waitForLoadState();
      for (let step = 0; step < 100; step += 1) {
        await keyboard.press("Tab");
        const at = await page.evaluate(() => ({
          name: document.activeElement.id || document.activeElement.textContent.trim(),
          outline: getComputedStyle(document.activeElement).outlineStyle,
        }));
        assert.notEqual(at.outline, "none", `no focus is shown at ${at.name}`);
        if (at.name.startsWith(name)) return;
      }
      assert.fail(`${name} cannot be reached`);
    };
    await reach("champ-fichier");
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), keyboard.press("Enter")]);
    await chooser.setFiles(rest[0]);
    await reach("Vérifier le fichier");
    await keyboard.press("Enter");
    await confirm(page).waitFor();
    await reach("Enregistrer");
    await keyboard.press("Enter");
    await page.locator("#recu").waitFor();
    return { results: await keys(page), faults: wrong };
  },

  /** Imports files that hold scripts everywhere, and finds them again as text. */
  async injects(browser) {
    const { page, faults: wrong } = await open(browser);
    const script = "<script>alert(1)</script>";
    await page.goto(`${address}/import?${new URLSearchParams({ conseiller: `"${script}`, structure: script })}`);
    const filled = await page.locator("#champ-conseiller").inputValue();
    await choose(page, { name: "<b>mars.csv", mimeType: "text/csv", buffer: Buffer.from(rest[0]) });
    await check(page).click();
    await focused(page, "erreurs");
    const cells = await faults(page);
    const title = await page.locator("#erreurs h2").innerText();
    return { filled, cells, title, scripts: await page.locator("script").count(), faults: wrong };
  },

  /** Looks with axe at each state of an import, in both themes, on a small and a large screen. */
  async looks(browser) {
    const [bad, good] = rest;
    const found = [];
    for (const theme of THEMES) {
      for (const width of [320, 1440]) {
        const { page, context, faults: wrong } = await open(browser, { colorScheme: theme, viewport: { width, height: 900 } });
        const look = async (name) => found.push(...await lookAt(page, `${name} ${width} ${theme}`));
        await page.goto(`${address}/import`);
        await look("form");
        await choose(page, bad);
        await check(page).click();
        await focused(page, "erreurs");
        await look("faults");
        await choose(page, { name: "a.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.7") });
        await check(page).click();
        await focused(page, "erreurs");
        await look("another kind of file");
        await choose(page, good);
        await check(page).click();
        await confirm(page).waitFor();
        await look("confirmation");
        await confirm(page).click();
        await page.locator("#recu").waitFor();
        await look("result");
        await page.goto(`${address}/import/nothing`);
        await look("gone");
        found.push(...wrong);
        await context.close();
      }
    }
    return { found };
  },

  /** Confirms an import, sees how far it is, and leaves; with the cookies to come back with. */
  async begins(browser) {
    const { page, context, faults: wrong } = await open(browser);
    await page.goto(`${address}/import`);
    await choose(page, rest[0]);
    await check(page).click();
    await confirm(page).click();
    await page.locator("progress").waitFor();
    const found = await lookAt(page, "progress");
    const progress = await page.locator("#avancement").innerText();
    return { url: page.url(), progress, found, state: await context.storageState(), faults: wrong };
  },

  /** Comes back to an import that is being recorded, and sees its end without loading the page again; also without JavaScript. */
  async ends(browser) {
    const [url, state] = rest;
    const seen = [];
    for (const javaScriptEnabled of [true, false]) {
      const { page, faults: wrong } = await open(browser, { javaScriptEnabled, storageState: JSON.parse(state) });
      await page.goto(url);
      seen.push({ page, wrong });
    }
    // The test lets the recording go on once it reads this line.
    console.error("ready");
    for (const { page } of seen) await page.locator("#recu").waitFor({ timeout: 60_000 });
    const stranger = await open(browser);
    const answer = await stranger.page.goto(url);
    return { results: await keys(seen[0].page), stranger: answer.status(), faults: seen.flatMap(({ wrong }) => wrong) };
  },
};

await act(deeds);
