// Keeps the figures of an open page young: asks for the page again and takes its live part over.
"use strict";

(() => {
  const EVERY = 60_000;
  const SELECTOR = "[data-live]";
  if (!document.querySelector(SELECTOR)) return;

  const busy = (part) => part.contains(document.activeElement) || part.querySelector("details[open]");

  async function refresh() {
    if (document.hidden) return;
    let answer;
    try {
      answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
    } catch {
      return; // no connection, or signed out: the ages on the page say how old it is
    }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const parts = fresh.querySelectorAll(SELECTOR);
    document.querySelectorAll(SELECTOR).forEach((part, place) => {
      const next = parts[place];
      if (next && !busy(part)) part.replaceWith(document.importNode(next, true));
    });
  }

  setInterval(refresh, EVERY);
  document.addEventListener("visibilitychange", refresh);
})();
