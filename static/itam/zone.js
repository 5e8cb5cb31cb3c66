// Tells the server in which zone its reader lives, so that the next page writes times as their clock does.
"use strict";

(() => {
  let zone = "";
  try {
    zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  } catch {
    return; // the installation's zone stays
  }
  if (!/^[\w+/-]+$/.test(zone) || document.cookie.split("; ").includes(`itam-zone=${zone}`)) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `itam-zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
})();
