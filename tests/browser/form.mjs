/** A person who fills the form in. `node form.mjs WHAT FOLDER ADDRESS …` does one thing, as `browser.mjs` describes. */

import assert from "node:assert/strict";
import { THEMES, act, address, keys, lookAt, open, rest } from "./browser.mjs";

const SCRIPT = "<script>alert(1)</script>";
const send = (page) => page.locator(".cra-send button[type=submit]").click();
const field = (page, name) => page.locator(`#champ-${name}`);
/** Waits until an element has the focus: a browser gives it after it has shown the page. */
async function focused(locator, name) {
  for (let step = 0; step < 100; step += 1) {
    if (await locator.evaluate((it) => it === document.activeElement)) return;
    await new Promise((resume) => { setTimeout(resume, 100); });
  }
  assert.fail(`${name} has not the focus`);
}

/** The summary has the focus, and each of its links leads to a field that is marked. */
async function summary(page) {
  const box = page.locator("#erreurs");
  await box.waitFor();
  await focused(box, "the summary");
  const links = [];
  for (const link of await box.getByRole("link").all()) {
    const target = (await link.getAttribute("href")).slice(1);
    const element = page.locator(`[id="${target}"]`);
    assert.equal(await element.count(), 1, `${target} is there once`);
    const described = (await element.getAttribute("aria-describedby")) ?? "";
    const errors = described.split(" ").filter((id) => id.startsWith("erreur-"));
    assert.ok(errors.length > 0, `${target} is described by its error`);
    for (const id of errors) assert.equal(await page.locator(`[id="${id}"]`).count(), 1, id);
    links.push(target);
  }
  return links;
}

/** Fills a workshop of five in Quimper. */
async function fill(page, more = {}) {
  await field(page, "conseiller").fill("conseiller-1");
  await field(page, "structure").fill("structure-1");
  await field(page, "date").fill(more.date ?? "2024-03-04");
  await field(page, "commune").fill(more.commune ?? "Quimper");
  // Leaves the field, which closes its list.
  await field(page, "commune").press("Tab");
  await page.getByRole("radio", { name: "Autre lieu" }).check();
  await page.getByRole("radio", { name: "Atelier collectif" }).check();
  await field(page, "age-plus60ans").fill(more.ages ?? "5");
  await field(page, "statut-retraite").fill("5");
  await page.getByLabel("Courriels", { exact: true }).check();
  await page.locator("#duree-60").check();
}

const deeds = {
  /** Fills a CRA with three faults, mends them, sees it counted; with and without JavaScript. */
  async fills(browser) {
    const seen = [];
    for (const javaScriptEnabled of [true, false]) {
      const { page, context, faults } = await open(browser, { javaScriptEnabled });
      await page.goto(`${address}/saisie`);
      const opened = page.url();
      await fill(page, { ages: "4" });
      await field(page, "minutes").fill("7O");
      await field(page, "deja").fill("6");
      await field(page, "precision").fill("Tri des photos");
      await page.locator("#sous-theme-tablette").check();
      if (javaScriptEnabled) await page.locator("#theme-equipement-informatique").uncheck();
      await send(page);
      const wrong = await summary(page);
      const kept = await field(page, "minutes").inputValue();
      assert.equal(await field(page, "precision").inputValue(), "Tri des photos", "nothing typed is lost");
      assert.match(await page.title(), /^Erreur/);
      await page.getByRole("link", { name: /Tranches d'âge/ }).click();
      await focused(page.locator("#champ-age"), "the field that the link leads to");
      await field(page, "age-plus60ans").fill("5");
      await field(page, "minutes").fill("75");
      await field(page, "deja").fill("2");
      await page.locator("#theme-equipement-informatique").check();
      await send(page);
      await page.locator("#recu").waitFor();
      await focused(page.locator("#recu"), "the receipt");
      const content = await page.locator(".cra-content").innerText();
      const defaults = await page.locator(".cra-content div", { hasText: "par défaut" }).locator("dt").allInnerTexts();
      await page.locator("#recu").getByRole("link", { name: /statistiques/ }).click();
      seen.push({ opened: new URL(opened).search, wrong, kept, content, defaults, counted: await keys(page), faults });
      await context.close();
    }
    return seen;
  },

  /** Presses twice, reloads, goes back and sends again. */
  async twice(browser) {
    const { page, faults } = await open(browser);
    await page.goto(`${address}/saisie`);
    const form = page.url();
    await fill(page);
    await page.locator(".cra-send button[type=submit]").dblclick();
    await page.locator("#recu").waitFor();
    const first = new URL(page.url()).pathname;
    await page.reload();
    await page.goto(form);
    await fill(page);
    await send(page);
    await page.locator("#recu").waitFor();
    const again = await page.locator("#recu").innerText();
    assert.equal(new URL(page.url()).pathname, first, "the same CRA");
    // Another content under the same id is neither lost nor recorded over the first.
    await page.goto(form);
    await fill(page, { ages: "5", date: "2024-03-05" });
    await send(page);
    const other = await page.locator("#erreurs").innerText();
    assert.equal(await field(page, "date").inputValue(), "2024-03-05");
    await page.getByRole("button", { name: /autre compte-rendu/ }).click();
    await page.locator("#recu").waitFor();
    assert.notEqual(new URL(page.url()).pathname, first, "another CRA");
    return { again, other, faults };
  },

  /** Begins another CRA like the last one. */
  async repeats(browser) {
    const { page, faults } = await open(browser);
    await page.goto(`${address}/saisie?conseiller=conseiller-7&structure=structure-7`);
    assert.equal(await field(page, "conseiller").inputValue(), "conseiller-7", "the address remembers");
    await fill(page);
    await field(page, "organisme-1").fill("pole emploi");
    await field(page, "organisme-personnes-1").fill("1");
    await page.getByRole("button", { name: "Ajouter une structure" }).click();
    await field(page, "organisme-2").fill(SCRIPT);
    await field(page, "organisme-personnes-2").fill("2");
    await send(page);
    await page.getByRole("link", { name: "Un autre comme celui-ci" }).click();
    const values = {};
    for (const name of ["date", "conseiller", "commune", "age-plus60ans", "organisme-1", "organisme-2"]) {
      values[name] = await field(page, name).inputValue();
    }
    await field(page, "date").fill("2024-03-06");
    await send(page);
    await page.locator("#recu").waitFor();
    return { values, content: await page.locator(".cra-content").innerText(), faults };
  },

  /** Types a commune: by name in the list, by part of it, one of several; with and without JavaScript. */
  async places(browser) {
    const { page, faults } = await open(browser);
    await page.goto(`${address}/saisie`);
    const commune = field(page, "commune");
    await commune.pressSequentially("renn");
    await page.getByRole("option").first().waitFor();
    const first = await page.getByRole("option").first().innerText();
    await commune.press("ArrowDown");
    const active = await commune.getAttribute("aria-activedescendant");
    assert.equal(await page.locator(`[id="${active}"]`).getAttribute("aria-selected"), "true");
    await commune.press("Enter");
    const chosen = await commune.inputValue();
    assert.equal(await commune.getAttribute("aria-expanded"), "false");
    assert.match(page.url(), /saisie/, "Enter in the list sends nothing");
    await commune.fill("qui");
    await page.getByRole("option").first().waitFor();
    await commune.press("Escape");
    assert.equal(await page.getByRole("listbox").isVisible(), false);
    const without = await open(browser, { javaScriptEnabled: false });
    await without.page.goto(`${address}/saisie`);
    await fill(without.page, { commune: "Saint-Denis" });
    await send(without.page);
    await summary(without.page);
    const offered = await without.page.locator(".cra-which label").allInnerTexts();
    await without.page.locator(".cra-which label", { hasText: "93" }).first().click();
    await send(without.page);
    await without.page.locator("#recu").waitFor();
    const content = await without.page.locator(".cra-content").innerText();
    return { first, chosen, offered, content, faults: [...faults, ...without.faults] };
  },

  /** Sees while typing how many people are missing. */
  async adds(browser) {
    const { page, faults } = await open(browser);
    await page.goto(`${address}/saisie`);
    await page.getByRole("radio", { name: "Atelier collectif" }).check();
    const sum = page.locator("#champ-age [data-sum]");
    const said = [];
    for (const [name, people] of [["age-plus60ans", "3"], ["age-moins12ans", "3"], ["age-moins12ans", "2"]]) {
      await field(page, name).fill(people);
      said.push(await sum.innerText());
    }
    await field(page, "participants").fill("6");
    said.push(await sum.innerText());
    await page.getByRole("button", { name: "Plus de 60 ans : un de plus" }).click();
    said.push(await sum.innerText());
    return { said, faults };
  },

  /** Corrects a CRA while a colleague does. */
  async corrects(browser) {
    const [mine, colleague] = [await open(browser), await open(browser)];
    for (const { page } of [mine, colleague]) await page.goto(`${address}${rest[0]}/corriger`);
    const { page } = mine;
    await send(page);
    const unchanged = await page.locator("#erreurs").innerText();
    await field(colleague.page, "deja").fill("3");
    await field(colleague.page, "precision").fill("Version du collègue");
    await field(colleague.page, "motif").fill("oubli");
    await send(colleague.page);
    await colleague.page.locator("#recu").waitFor();
    await field(page, "precision").fill("Ma version");
    await field(page, "minutes").fill("90");
    await field(page, "motif").fill("durée oubliée");
    await send(page);
    const conflict = page.locator("#conflit");
    await conflict.waitFor();
    await focused(conflict, "the conflict");
    const rows = await conflict.locator("tbody tr").allInnerTexts();
    const kept = [await field(page, "precision").inputValue(), await field(page, "motif").inputValue()];
    const taken = await field(page, "deja").inputValue();
    await send(page);
    await page.locator("#recu").waitFor();
    const history = await page.locator(".cra-history > li").allInnerTexts();
    return { unchanged, rows, kept, taken, history, faults: [...mine.faults, ...colleague.faults] };
  },

  /** Withdraws a CRA with a reason, finds it in its page and no longer in the figures. */
  async withdraws(browser) {
    const { page, faults } = await open(browser, { javaScriptEnabled: false });
    await page.goto(`${address}/cra`);
    await page.locator(".cra-list__day").first().click();
    await page.getByRole("link", { name: "Retirer" }).click();
    await page.getByRole("button", { name: "Retirer des statistiques" }).click();
    const wrong = await summary(page);
    await field(page, "motif").fill(`saisi deux fois ${SCRIPT}`);
    await page.getByRole("button", { name: "Retirer des statistiques" }).click();
    await page.locator("#recu").waitFor();
    const text = await page.locator("main").innerText();
    const canChange = await page.getByRole("link", { name: "Corriger" }).count();
    await page.locator("#recu").getByRole("link", { name: /statistiques/ }).click();
    return { wrong, text, canChange, counted: await keys(page), faults };
  },

  /** Fills and sends the form by keyboard alone. */
  async keyboard(browser) {
    const { page, faults } = await open(browser);
    await page.goto(`${address}/saisie`);
    const { keyboard } = page;
    const reach = async (id) => {
      for (let step = 0; step < 200; step += 1) {
        await keyboard.press("Tab");
        const at = await page.evaluate(() => ({
          id: document.activeElement.id || document.activeElement.textContent.trim(),
          outline: getComputedStyle(document.activeElement).outlineStyle,
        }));
        assert.notEqual(at.outline, "none", `no focus is shown at ${at.id}`);
        if (at.id === id) return;
      }
      assert.fail(`${id} cannot be reached`);
    };
    const type = async (id, text) => {
      await reach(id);
      await keyboard.type(text);
    };
    await type("champ-conseiller", "conseiller-1");
    await type("champ-structure", "structure-1");
    await type("champ-commune", "quimp");
    await page.getByRole("option").first().waitFor();
    await keyboard.press("ArrowDown");
    await keyboard.press("Enter");
    // The group's only stop is its first radio; an arrow chooses the next.
    await reach("canal-rattachement");
    await keyboard.press("Space");
    await reach("activite-collectif");
    await keyboard.press("ArrowDown");
    await keyboard.press("ArrowDown");
    await type("champ-age-plus60ans", "1");
    await type("champ-statut-retraite", "1");
    await reach("theme-courriel");
    await keyboard.press("Space");
    await reach("duree-0-30");
    await keyboard.press("Space");
    await reach("Enregistrer le compte-rendu");
    await keyboard.press("Enter");
    await page.locator("#recu").waitFor();
    return { content: await page.locator(".cra-content").innerText(), faults };
  },

  /** Types a script into every text of the form and of a withdrawal, and finds it again as text. */
  async injects(browser) {
    const { page, faults } = await open(browser);
    await page.goto(`${address}/saisie?${new URLSearchParams({ conseiller: SCRIPT, canal: SCRIPT, theme: SCRIPT })}`);
    const names = await page.locator('#saisie input[type="text"]').evaluateAll((all) => all.map((it) => it.id));
    for (const name of names) await page.locator(`[id="${name}"]`).fill(SCRIPT);
    await send(page);
    await page.locator("#erreurs").waitFor();
    const values = await page.locator('#saisie input[type="text"]').evaluateAll((all) => all.map((it) => it.value));
    const scripts = await page.locator("script").evaluateAll((all) => all.map((it) => it.getAttribute("src")));
    return { typed: names.length, kept: values.filter((it) => it === SCRIPT).length, scripts, faults };
  },

  /** Looks with axe at each page of the form in each of its states, in both themes, on a small and a large screen. */
  async looks(browser) {
    const found = [];
    for (const theme of THEMES) {
      for (const width of [320, 1440]) {
        const { page, context, faults } = await open(browser, { colorScheme: theme, viewport: { width, height: 900 } });
        const look = async (name) => found.push(...await lookAt(page, `${name} ${width} ${theme}`));
        await page.goto(`${address}/saisie`);
        await look("form");
        await field(page, "commune").pressSequentially("saint");
        await page.getByRole("option").first().waitFor();
        await field(page, "commune").press("ArrowDown");
        await look("list of communes");
        await field(page, "commune").fill("Saint-Denis");
        for (const name of ["participants", "minutes", "date", "organisme-personnes-1", "age-plus60ans"]) {
          if (name !== "date") await field(page, name).fill("x");
        }
        await send(page);
        await page.locator("#erreurs").waitFor();
        await look("faults");
        await page.goto(`${address}/saisie`);
        await fill(page);
        await send(page);
        await page.locator("#recu").waitFor();
        await look("receipt");
        const record = new URL(page.url()).pathname;
        const other = await context.newPage();
        await other.goto(`${address}${record}/corriger`);
        await page.goto(`${address}${record}/corriger`);
        await look("correction");
        for (const [at, text] of [[other, "les leurs"], [page, "les miens"]]) {
          await field(at, "precision").fill(text);
          await field(at, "motif").fill("oubli");
          await send(at);
          await at.locator("#recu, #conflit").waitFor();
        }
        await look("conflict");
        await page.goto(`${address}${record}/retirer`);
        await look("withdrawal");
        await page.getByRole("button", { name: "Retirer des statistiques" }).click();
        await page.locator("#erreurs").waitFor();
        await look("withdrawal with a fault");
        await field(page, "motif").fill("saisi deux fois");
        await page.getByRole("button", { name: "Retirer des statistiques" }).click();
        await page.locator("#recu").waitFor();
        await look("withdrawn");
        for (const path of ["/cra", "/cra?departement=Atlantide", "/cra?du=1999-01-01&au=1999-01-31"]) {
          await page.goto(address + path);
          await look(path);
        }
        found.push(...faults);
        await context.close();
      }
    }
    return { found };
  },

  /** Takes a picture of the form half filled; the guide shows it. */
  async pictures(browser) {
    const { page, faults } = await open(browser, { viewport: { width: 1000, height: 1180 } });
    await page.goto(`${address}/saisie?conseiller=conseiller-1&structure=structure-1`);
    await fill(page, { ages: "3", commune: "Quimper (29000)", date: "2024-03-04" });
    await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
    await page.screenshot({ path: rest[0] });
    return { faults };
  },
};

await act(deeds);
