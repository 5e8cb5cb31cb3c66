// Gives the parts of Unfold and select2 that lack them a name, a role and a place in the order of the Tab key, and
// opens the search with "/". Pages of our own need none of this.
(function () {
  "use strict";

  const ENGLISH = { dock_to_right: "Show or hide the menu", close: "Close", theme: "Light or dark", more: "More", actions: "Actions", menu: "Menu", search: "Search", scrolls: "Part that scrolls" };

  // The page brings the words in the reader's language; the one to sign in has none yet.
  const words = () => Object.assign({}, ENGLISH, (document.getElementById("lm-words") || { dataset: {} }).dataset);

  function name(node, text) {
    if (text && !node.hasAttribute("aria-label")) node.setAttribute("aria-label", text);
  }

  // A select2 names itself after what is chosen, which is nothing at first: say what it asks for.
  function select(box) {
    const field = box.previousElementSibling;
    if (!field || field.tagName !== "SELECT") return;
    const label = field.labels && field.labels[0];
    const text = label ? label.textContent.trim() : field.getAttribute("aria-label") || field.name;
    box.querySelectorAll("[role=combobox]").forEach((node) => {
      const shown = node.querySelector(".select2-selection__rendered");
      if (node.dataset.lmNamed !== text) {
        node.dataset.lmNamed = text;
        node.removeAttribute("aria-labelledby");
        node.setAttribute("aria-label", text);
      }
      if (shown && shown.tagName === "SPAN" && shown.hasAttribute("role")) {
        shown.removeAttribute("role");
        shown.removeAttribute("aria-readonly");
      }
    });
    box.querySelectorAll("input[type=search]").forEach((node) => name(node, text));
    box.querySelectorAll("ul > span").forEach((node) => node.setAttribute("role", "listitem"));
  }

  function spoken(node) {
    const copy = node.cloneNode(true);
    copy.querySelectorAll("[aria-hidden=true]").forEach((icon) => icon.remove());
    return copy.textContent.trim();
  }

  // What answers a click but is no link or button: the Tab key passes it by.
  function clickable(node) {
    const native = /^(BUTTON|INPUT|SELECT|TEXTAREA|SUMMARY)$/.test(node.tagName) || node.hasAttribute("href");
    if (native || node.querySelector("a[href], button, input, select")) return;
    if (/^H[1-6]$/.test(node.tagName)) {
      // A heading stays one: what is in it becomes the button, and the click rises to the heading.
      if (node.querySelector("[role=button]")) return;
      const inside = document.createElement("span");
      inside.className = "lm-inside";
      inside.append(...node.childNodes);
      node.append(inside);
      node = inside;
    }
    node.setAttribute("role", "button");
    node.tabIndex = 0;
    const icon = node.textContent.trim();
    if (node.matches(".material-symbols-outlined")) name(node, node.title || words()[icon] || words().more);
  }

  function mend(root) {
    root.querySelectorAll(".select2-container").forEach(select);
    root.querySelectorAll("[x-on\\:click]").forEach(clickable);
    // Boxes that scroll are no landmarks.
    root.querySelectorAll(".simplebar-content-wrapper[role=region]").forEach((node) => {
      node.setAttribute("role", "group");
      node.setAttribute("aria-label", words().scrolls);
    });
    root.querySelectorAll("#result_list [data-label]").forEach((part) => {
      const label = part.dataset.label.trim();
      const told = label.charAt(0).toUpperCase() + label.slice(1);
      if (told !== part.dataset.label) part.dataset.label = told;
    });
    root.querySelectorAll("thead th").forEach((head) => {
      if (head.textContent.trim() || head.querySelector("input")) return;
      const said = document.createElement("span");
      said.className = "lm-hidden";
      said.textContent = words().actions;
      head.append(said);
    });
    root.querySelectorAll(".help-tooltip[aria-label]").forEach((node) => node.setAttribute("role", "img"));
    root.querySelectorAll(".material-symbols-outlined:not([role]):not([aria-hidden])").forEach((icon) => {
      icon.setAttribute("aria-hidden", "true");
    });
    root.querySelectorAll("a[href], button, [role=button]").forEach((node) => {
      if (!node.hasAttribute("aria-label") && !node.title && !spoken(node)) {
        const icon = node.querySelector(".material-symbols-outlined");
        const key = icon ? icon.textContent.trim() : "";
        name(node, node.querySelector("[x-text]") ? words().theme : words()[key] || words().more);
      }
    });
  }

  function landmarks() {
    const main = document.getElementById("main") || document.getElementById("page");
    if (main && !main.closest("main")) main.setAttribute("role", "main");
    const sidebar = document.getElementById("nav-sidebar");
    if (sidebar) {
      sidebar.setAttribute("role", "navigation");
      sidebar.setAttribute("aria-label", words().menu || "");
    }
  }

  function pressed(event) {
    const at = event.target;
    const typing = at.closest && at.closest("input, textarea, select, [contenteditable], [role=combobox]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (!document.getElementById("search-input-command")) return;
      event.preventDefault();
      event.stopPropagation(); // Unfold would go to the search of the list
      window.dispatchEvent(new CustomEvent("opencommand"));
    } else if ((event.key === "Enter" || event.key === " ") && at.matches && at.matches("[role=button]")) {
      event.preventDefault();
      at.click();
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    landmarks();
    mend(document);
    let due = false;
    new MutationObserver(() => {
      if (due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        mend(document);
      });
    }).observe(document.body, { childList: true, subtree: true });
  });
  document.addEventListener("keydown", pressed, true);

  // Paper is light: a browser leaves dark grounds out when it prints, and light letters in.
  const root = document.documentElement;
  let dark = false;
  window.addEventListener("beforeprint", () => {
    dark = root.classList.contains("dark");
    root.classList.remove("dark");
  });
  window.addEventListener("afterprint", () => root.classList.toggle("dark", dark));
})();
