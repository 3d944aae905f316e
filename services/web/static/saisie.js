// Adds to the form what a browser can do while one types: sums, communes, steps, rows. Without it the form works the same, and
// the server says what is wrong.
"use strict";

const form = document.getElementById("saisie");
const make = (tag, attributes = {}, text = "") => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
};
/** The number in a field: 0 where it is empty, `null` where it is none. */
const number = (field) => {
  const text = field.value.replace(/\s/g, "");
  if (text === "") return 0;
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
};
const changed = (field) => field.dispatchEvent(new Event("input", { bubbles: true }));

/* People: what is counted so far, against the participants. */
const participants = form.elements.participants;
const defaults = new Map(form.dataset.defaults.trim().split(" ").map((pair) => pair.split(":")));
const expected = () => (participants.value.trim() === "" ? Number(defaults.get(form.elements.activite.value) ?? NaN) : number(participants));
const people = (count) => `${count} participant${count > 1 ? "s" : ""}`;

const groups = [...form.querySelectorAll("[data-total]")].map((group) => {
  const sum = group.querySelector("[data-sum]");
  sum.id = `somme-${group.id}`;
  sum.setAttribute("aria-live", "polite");
  return { fields: [...group.querySelectorAll("input")], sum };
});
let isFirst = true;
function showSums() {
  const total = expected();
  for (const { fields, sum } of groups) {
    const counts = fields.map(number);
    const isTouched = fields.some((field) => field.value !== "");
    sum.hidden = total === null || Number.isNaN(total) || counts.includes(null) || (!isTouched && isFirst);
    if (sum.hidden) continue;
    const counted = counts.reduce((all, count) => all + count, 0);
    const missing = total - counted;
    sum.dataset.state = missing === 0 ? "right" : "wrong";
    const rest = missing === 0 ? "le compte y est" : missing > 0 ? `il en manque ${missing}` : `${-missing} de trop`;
    const text = `${counted} sur ${people(total)} : ${rest}.`;
    if (sum.textContent !== text) sum.textContent = text;
  }
}
form.addEventListener("input", () => {
  isFirst = false;
  showSums();
});
showSums();

/* Buttons next to each count that step it down and up, for touch screens. */
for (const field of form.querySelectorAll(".cra-count input")) {
  const label = form.querySelector(`label[for="${field.id}"]`).textContent.trim();
  const step = (by, sign, name) => {
    const button = make("button", { type: "button", class: "cra-step", "aria-label": `${label} : ${name}` }, sign);
    button.addEventListener("click", () => {
      const next = Math.max(0, (number(field) ?? 0) + by);
      field.value = next === 0 ? "" : String(next);
      changed(field);
    });
    return button;
  };
  const steps = make("div", { class: "cra-steps" });
  field.replaceWith(steps);
  steps.append(step(-1, "−", "un de moins"), field, step(1, "+", "un de plus"));
}

/* A part of a theme chooses its theme. */
form.addEventListener("change", ({ target }) => {
  const theme = target.dataset.theme && document.getElementById(target.dataset.theme);
  if (theme && target.checked) theme.checked = true;
});

/* Another organisation, without the way to the server. */
const add = form.querySelector('button[name="ajouter"]');
add?.addEventListener("click", (event) => {
  event.preventDefault();
  const rows = form.querySelectorAll(".cra-organisation");
  const row = rows[rows.length - 1].cloneNode(true);
  const next = rows.length + 1;
  row.querySelectorAll(".fr-error-text").forEach((error) => error.remove());
  row.querySelectorAll(".fr-input-group--error").forEach((group) => group.classList.remove("fr-input-group--error"));
  for (const field of row.querySelectorAll("input")) {
    field.value = "";
    for (const name of ["aria-invalid", "aria-describedby", "autofocus"]) field.removeAttribute(name);
    const id = field.id.replace(/\d+$/, String(next));
    row.querySelector(`label[for="${field.id}"]`).htmlFor = id;
    field.id = id;
  }
  row.querySelectorAll(".cra-row-number").forEach((mark) => { mark.textContent = String(next); });
  rows[rows.length - 1].after(row);
  row.querySelector("input").focus();
});

/* The commune: a combobox with a list (ARIA authoring practices, list autocomplete with manual selection). */
for (const box of form.querySelectorAll(".cra-combobox")) {
  const field = box.querySelector('input[type="text"]');
  const chosenFor = box.querySelector('input[name="commune-choisie-pour"]');
  const list = make("ul", { role: "listbox", id: `${field.id}-liste`, class: "cra-listbox", "aria-label": "Communes proposées" });
  const status = make("p", { role: "status", class: "cra-visually-hidden" });
  list.hidden = true;
  field.after(list, status);
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) {
    field.setAttribute(name, value);
  }
  let choices = [];
  let active = -1;
  let asked = 0;
  let timer;
  const close = () => {
    list.hidden = true;
    active = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const choose = (choice) => {
    field.value = choice.texte;
    // What the server listed before was for another text.
    box.querySelector(".cra-which")?.remove();
    let chosen = box.querySelector('input[name="commune-choisie"]');
    if (!chosen) box.append(chosen = make("input", { type: "hidden", name: "commune-choisie" }));
    chosen.value = choice.choix;
    chosenFor.value = choice.texte;
    status.textContent = `${choice.texte} choisie`;
    close();
  };
  const mark = (index) => {
    active = index;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
    if (index < 0) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", list.children[index].id);
    list.children[index].scrollIntoView({ block: "nearest" });
  };
  const show = (found) => {
    choices = found;
    list.replaceChildren(...found.map((choice, index) => {
      const option = make("li", { role: "option", id: `${list.id}-${index}`, "aria-selected": "false" }, choice.texte);
      option.append(" ", make("span", { class: "fr-hint-text" }, choice.detail));
      // Before the field loses its focus.
      option.addEventListener("mousedown", (event) => {
        event.preventDefault();
        choose(choice);
      });
      return option;
    }));
    const isOpen = found.length > 0;
    list.hidden = !isOpen;
    active = -1;
    field.setAttribute("aria-expanded", String(isOpen));
    field.removeAttribute("aria-activedescendant");
    status.textContent = isOpen ? `${found.length} commune${found.length > 1 ? "s" : ""} proposée${found.length > 1 ? "s" : ""}` : "Aucune commune proposée";
  };
  const ask = async () => {
    const text = field.value.trim();
    const number = asked += 1;
    if (text.length < 2) return close();
    try {
      const answer = await fetch(`${box.dataset.source}?q=${encodeURIComponent(text)}`);
      const found = answer.ok ? await answer.json() : [];
      // An answer to what was typed before comes too late.
      if (number === asked && document.activeElement === field) show(found);
    } catch {
      close();
    }
  };
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 120);
  });
  field.addEventListener("blur", () => {
    asked += 1;
    clearTimeout(timer);
    close();
  });
  field.addEventListener("keydown", (event) => {
    const isOpen = !list.hidden;
    const last = choices.length - 1;
    const moves = {
      ArrowDown: () => (isOpen ? mark(active === last ? 0 : active + 1) : ask()),
      ArrowUp: () => isOpen && mark(active <= 0 ? last : active - 1),
      Enter: () => isOpen && active >= 0 && choose(choices[active]),
      Escape: () => isOpen && close(),
    };
    const move = moves[event.key];
    if (!move) return;
    const isHandled = event.key.startsWith("Arrow") || (isOpen && (event.key === "Escape" || active >= 0));
    if (isHandled) event.preventDefault();
    move();
  });
}
