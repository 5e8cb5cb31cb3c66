// What the pages' attributes call. The policy on contents lets no text be run, so that Alpine reads
// them by a grammar of its own, which knows no functions of the page: those of the theme are told
// here.
document.addEventListener("alpine:init", () => {
  for (const name of ["theme", "searchForm", "searchDropdown", "searchCommand"]) {
    Alpine.data(name, (...values) => window[name](...values));
  }
  const key = "sidebarDesktopOpen";
  Alpine.data("shell", (tab = "") => ({
    activeTab: (tab && getCurrentTab()) || tab,
    sidebarMobileOpen: false,
    sidebarDesktopOpen: localStorage.getItem(key) !== "0",
    window: { location: { pathname: location.pathname, search: location.search } },
    sortRecords: (event) => sortRecords(event),
    moveRecords: (event) => moveRecords(event),
    init() {
      this.$watch(key, (open) => localStorage.setItem(key, open ? "1" : "0"));
    },
  }));
});
