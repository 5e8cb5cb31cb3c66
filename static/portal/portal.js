// Keeps the figures of an open page young: asks for the page again and takes its live parts over. Where that fails it
// says so, lets the ages grow, and takes a figure back once it is too old to say something of now.
"use strict";

(() => {
  const EVERY = 60_000;
  const SELECTOR = "[data-live]";
  if (!document.querySelector(SELECTOR)) return;

  const lost = document.getElementById("lost");
  const said = new Intl.RelativeTimeFormat(document.documentElement.lang);
  const begun = Date.now();

  const busy = (part) => part.contains(document.activeElement) || part.querySelector("details[open]");
  const like = (part, root) => root.querySelector(`[data-live="${part.dataset.live}"]`);

  // A part that somebody is at stays, and what lies within it is taken over one by one.
  function renew(part, fresh, asked) {
    const next = like(part, fresh);
    if (!next) return;
    if (busy(part)) {
      part.querySelectorAll(SELECTOR).forEach((inner) => renew(inner, fresh, asked));
      return;
    }
    const [card, newer] = [part, next].map((one) => one.closest(".card"));
    if (card && newer) card.className = newer.className;
    const taken = document.importNode(next, true);
    taken.querySelectorAll("[data-age]").forEach((place) => { place.dataset.asked = asked; });
    part.replaceWith(taken);
  }

  function ago(seconds) {
    const [unit, size] = [["day", 86_400], ["hour", 3600], ["minute", 60]].find((pair) => seconds >= pair[1]);
    return said.format(-Math.floor(seconds / size), unit);
  }

  function grow() {
    document.querySelectorAll("[data-age]").forEach((place) => {
      const passed = Math.max(0, (Date.now() - Number(place.dataset.asked || begun)) / 1000);
      const age = Number(place.dataset.age) + passed;
      if (passed >= 1 && age >= 60) place.textContent = ago(age);
      const part = place.closest("[data-until]");
      if (!part || age <= Number(part.dataset.until)) return;
      part.querySelector(".figure b").textContent = "?";
      part.querySelector(".figure span").textContent = lost.dataset.unknown;
      part.closest(".card").classList.remove("is-free", "is-few", "is-full");
      part.closest(".card").classList.add("is-unknown");
    });
  }

  async function page() {
    const answer = await fetch(location.href, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(answer.status);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  async function refresh() {
    if (document.hidden) return;
    grow();
    const asked = Date.now();
    try {
      const fresh = await page();
      document.querySelectorAll(SELECTOR).forEach((part) => {
        if (!part.parentElement.closest(SELECTOR)) renew(part, fresh, asked);
      });
      lost.hidden = true;
    } catch {
      lost.hidden = false; // no connection, or signed out
    }
  }

  setInterval(refresh, EVERY);
  document.addEventListener("visibilitychange", refresh);
})();
