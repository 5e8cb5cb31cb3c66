// The administration's choice of light or dark, for pages outside of it.
try {
  const chosen = JSON.parse(localStorage.getItem("adminTheme"));
  if (chosen === "light" || chosen === "dark") document.documentElement.classList.add(chosen);
} catch {
  // No storage: the device decides.
}
