// Keeps the numbers of an open page fresh: asks a small JSON address every ten seconds and writes text, never markup
// of its own making. Pages that are not looked at ask nothing.
(function () {
  "use strict";

  const EVERY = 10000;

  function each(selector, root, deed) {
    (root || document).querySelectorAll(selector).forEach(deed);
  }

  // What this script says stands on the page, in the reader's language: name, and what fills its gaps.
  window.lmWords = function (name, gaps) {
    const place = document.getElementById("lm-words");
    const text = (place && place.dataset[name]) || "";
    return text.replace(/\{(\w+)\}/g, (gap, key) => (gaps && key in gaps ? gaps[key] : gap));
  };

  window.lmNumber = (value) => value.toLocaleString(document.documentElement.lang);

  // The axis of a chart that counts seats: as wide as its longest label.
  window.lmSeatAxis = {
    incrs: [1, 10, 100, 1e3, 1e4, 1e5, 1e6].flatMap((power) => [power, 2 * power, 5 * power]),
    values: (_plot, ticks) => ticks.map(window.lmNumber),
    size(plot, labels, place, round) {
      const axis = plot.axes[place];
      if (round > 1) return axis._size; // or label and place would chase each other
      plot.ctx.font = axis.font[0];
      const widths = (labels || []).map((label) => plot.ctx.measureText(label).width / devicePixelRatio);
      return Math.max(46, Math.ceil(Math.max(0, ...widths)) + axis.ticks.size + axis.gap);
    },
  };

  function write(node, text) {
    if (node.textContent !== text) node.textContent = text;
  }

  function swap(node, prefix, key) {
    [...node.classList].filter((name) => name.startsWith(prefix)).forEach((name) => node.classList.remove(name));
    node.classList.add(prefix + key);
  }

  function show(place, numbers) {
    const plain = place.hasAttribute("data-live-plain");
    const known = (value, other) => (value === null ? other : window.lmNumber(value));
    const texts = {
      in_use: known(numbers.in_use, "–"),
      limit: known(numbers.limit, plain ? "–" : "?"),
      free: known(numbers.free, "–"),
      words: numbers.words,
      age: numbers.age,
      ago: numbers.ago,
    };
    const targets = place.hasAttribute("data-live") ? [place] : place.querySelectorAll("[data-live]");
    targets.forEach((target) => {
      const what = target.getAttribute("data-live");
      write(target, texts[what]);
      const card = target.closest(".lm-card");
      if (what === "age" || what === "ago") swap(card || target, "lm-age-", numbers.age_key);
      else if (what === "words" && card) swap(card, "lm-level-", numbers.level);
    });
    if (!plain && !place.hasAttribute("data-live")) {
      swap(place, "lm-level-", numbers.level);
      each(".lm-bar", place, (bar) => {
        // A bar has a length: where there is none to tell, it would show an empty or a full pool.
        bar.toggleAttribute("hidden", numbers.bar === null);
        bar.setAttribute("aria-label", numbers.words);
        [0, ...(numbers.bar || [0, 0, 0]), 100].forEach((edge, part) => {
          if (bar.children[part - 1]) bar.children[part - 1].setAttribute("x2", edge);
          if (bar.children[part]) bar.children[part].setAttribute("x1", edge);
        });
      });
    }
  }

  async function json(address) {
    const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!answer.ok || !(answer.headers.get("Content-Type") || "").includes("json")) throw new Error(answer.status);
    return answer.json();
  }

  function pools() {
    const root = document.querySelector("[data-live-url]");
    const address = root ? root.getAttribute("data-live-url") : "/admin/live/pools/";
    if (!root && !document.querySelector("[data-live-pool]")) return null;
    const status = document.querySelector("[data-live-state]");
    return async function () {
      // Looked for anew each time: a part that was asked for again brings other rows.
      const places = [...document.querySelectorAll("[data-live-pool]")];
      const ids = [...new Set(places.map((place) => place.getAttribute("data-live-pool")))].slice(0, 200);
      if (!ids.length) return;
      try {
        const found = await json(address + "?ids=" + ids.join(","));
        places.forEach((place) => {
          const numbers = found.pools[place.getAttribute("data-live-pool")];
          if (numbers) show(place, numbers);
        });
        if (status) {
          write(status, window.lmWords("read", { time: new Date(found.at * 1000).toLocaleTimeString([], { hour12: false }) }));
          status.classList.remove("lm-warn");
        }
      } catch (problem) {
        if (status) {
          write(status, window.lmWords("lost"));
          status.classList.add("lm-warn");
        }
      }
    };
  }

  function parts() {
    const places = [...document.querySelectorAll("[data-refresh]")];
    if (!places.length) return null;
    return async function () {
      for (const place of places) {
        const held = place.contains(document.activeElement) ? document.activeElement : null;
        // Rows would move away under somebody; cards keep their places.
        if (held && !place.matches(".lm-cards")) continue;
        try {
          const answer = await fetch(place.getAttribute("data-refresh"), { credentials: "same-origin" });
          if (!answer.ok || answer.redirected) continue;
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          place.replaceChildren(...page.body.childNodes);
          const links = held ? [...place.querySelectorAll("a[href]")] : [];
          const again = links.find((link) => link.getAttribute("href") === held.getAttribute("href"));
          if (again) again.focus({ preventScroll: true });
        } catch (problem) {
          // The next round tries again; the age beside the heading tells how old the rows are.
        }
      }
    };
  }

  // A part that takes longer than its page: asked for once, when the page is there.
  async function later(place) {
    try {
      const answer = await fetch(place.getAttribute("data-part"), { credentials: "same-origin" });
      if (!answer.ok || answer.redirected) throw new Error(answer.status);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      place.replaceChildren(...page.body.childNodes);
    } catch (problem) {
      write(place, window.lmWords("partFailed"));
    }
  }

  // A part that fills while somebody looks on: asked for every second or two until it says that it is done.
  function quick(place) {
    if (place.querySelector("[data-done]")) return;
    setTimeout(async function () {
      try {
        const answer = await fetch(place.getAttribute("data-quick"), { credentials: "same-origin" });
        if (answer.ok && !answer.redirected) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          place.replaceChildren(...page.body.childNodes);
        }
      } catch (problem) {
        // The next round tries again.
      }
      quick(place);
    }, document.hidden ? EVERY : 1500);
  }

  function copy(button) {
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.getAttribute("data-copy"));
      source.select();
      try {
        await navigator.clipboard.writeText(source.value);
      } catch (problem) {
        document.execCommand("copy"); // where the page is not served by https
      }
      write(button, button.getAttribute("data-copied"));
    });
  }

  function job() {
    const place = document.querySelector("[data-live-job]");
    if (!place) return null;
    return async function () {
      try {
        const found = await json(place.getAttribute("data-live-job"));
        each("meter", place, (meter) => { meter.value = found.progress; });
        each("[data-live-words]", place, (node) => write(node, found.state + ", " + found.progress + " %"));
        if (found.done) window.location.reload();
      } catch (problem) {
        each("[data-live-words]", place, (node) => write(node, window.lmWords("offline")));
      }
    };
  }

  function repeat(deed, every) {
    if (!deed) return;
    setInterval(() => { if (!document.hidden) deed(); }, every);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) deed(); });
  }

  document.addEventListener("DOMContentLoaded", function () {
    each("[data-part]", document, later);
    each("[data-quick]", document, quick);
    each("[data-copy]", document, copy);
    repeat(pools(), EVERY);
    repeat(parts(), 3 * EVERY);
    repeat(job(), 2000);
    each("[data-toggle]", document, (button) => {
      button.addEventListener("click", () => {
        const target = document.getElementById(button.getAttribute("data-toggle"));
        target.hidden = !target.hidden;
        button.setAttribute("aria-expanded", String(!target.hidden));
      });
    });
  });
})();
