// Follows the figures: where they changed, asks for the page again and puts its new figures in the place of the old ones. Without it
// the page says how to ask for them.
"use strict";

const figures = () => document.getElementById("chiffres");
const state = document.getElementById("direct");
const say = (text) => { if (state.textContent !== text) state.textContent = text; };
const stops = () => [...figures().querySelectorAll("a, button, select, input, summary, [tabindex]")];

/** Puts new figures in place; what is unfolded stays so, and the focus where it is. */
function show(fresh) {
  const folded = [...figures().querySelectorAll("details")].map((it) => it.open);
  const focus = stops().indexOf(document.activeElement);
  figures().replaceWith(fresh);
  [...fresh.querySelectorAll("details")].forEach((it, index) => { it.open = folded[index] ?? false; });
  if (focus >= 0) stops()[focus]?.focus({ preventScroll: true });
}
/** Whether a choice among the figures is being made, which new figures would lose. */
const isChoosing = () => figures().contains(document.activeElement) && document.activeElement.matches("select, input");

let shown = Number(figures().dataset.position);
let wanted = shown;
let isAsking = false;
async function ask() {
  if (isAsking || wanted === shown || isChoosing()) return;
  isAsking = true;
  try {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("chiffres");
    if (!answer.ok || !fresh) throw new Error(answer.status);
    shown = Number(fresh.dataset.position);
    wanted = shown;
    show(document.adoptNode(fresh));
    say(state.dataset.live);
  } catch {
    // The next event asks again.
    say(state.dataset.away);
  } finally {
    isAsking = false;
  }
}

const events = new EventSource(state.dataset.events);
events.addEventListener("open", () => say(state.dataset.live));
events.addEventListener("message", ({ data }) => {
  wanted = Number(data);
  ask();
});
events.addEventListener("error", () => {
  say(events.readyState === EventSource.CLOSED ? state.dataset.ended : state.dataset.away);
});
document.addEventListener("focusout", () => setTimeout(ask, 0));
