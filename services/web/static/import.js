// Shows how far a recording is without loading the page again. Without it, the page refreshes by itself.
"use strict";

const PAUSE_MS = 1000;
const shown = () => document.getElementById("import");

async function follow() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  // Such as a login that ended: the browser shows the answer as a page.
  if (!answer.ok) return location.reload();
  const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("import");
  if (!next || !("recording" in next.dataset)) return location.reload();
  const bar = shown().querySelector("progress");
  bar.value = next.querySelector("progress").value;
  for (const selector of ["#avancement", ".cra-keys"]) {
    const [old, fresh] = [shown().querySelector(selector), next.querySelector(selector)];
    if (old.textContent !== fresh.textContent) old.innerHTML = fresh.innerHTML;
  }
  setTimeout(retry, PAUSE_MS);
}
// A break of the connection: the next try may succeed.
const retry = () => follow().catch(() => setTimeout(retry, 5 * PAUSE_MS));
setTimeout(retry, PAUSE_MS);
