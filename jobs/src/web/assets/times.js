// Shows times in UTC, as the server writes them, or in the time zone of the browser. Without it, all are UTC.
//
// The button with the id `zone` switches, and says which is shown; the choice is kept. The event `jobs-content` brings a document whose
// content is about to be shown.
(() => {
  "use strict";

  const KEY = "jobs-times";

  const button = document.getElementById("zone");
  // During a rollout, the page may be of another release.
  if (!button) return;

  const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  let isLocal = kept() === "local";

  // A browser may refuse to keep anything.

  function kept() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function keep(choice) {
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // It is the choice of this page alone.
    }
  }

  // As the server writes it: `2026-11-28 17:30:00.000`.
  function written(time) {
    const minutes = isLocal ? time.getTimezoneOffset() : 0;
    return new Date(time - 60_000 * minutes).toISOString().replace("T", " ").replace("Z", "");
  }

  function show(content) {
    const name = isLocal ? zone : "UTC";
    for (const element of content.querySelectorAll("time")) {
      const text = written(new Date(element.dateTime));
      element.title = `${text} ${name}`;
      // What is told from now stays.
      if (/^\d{4}-/.test(element.textContent)) element.textContent = text.slice(0, 19);
      else if (/^\d\d:\d\d:\d\d$/.test(element.textContent)) element.textContent = text.slice(11, 19);
    }
    for (const element of content.querySelectorAll(".zone")) element.textContent = name;
  }

  function label() {
    button.textContent = isLocal ? "Local time" : "UTC";
    button.title = isLocal ? `Times are in ${zone}. Show them in UTC.` : `Times are in UTC. Show them in ${zone}.`;
  }

  function change() {
    isLocal = !isLocal;
    keep(isLocal ? "local" : "utc");
    label();
    show(document);
  }

  button.addEventListener("click", change);
  document.addEventListener("jobs-content", ({ detail }) => isLocal && show(detail));
  label();
  button.hidden = false;
  if (isLocal) show(document);
})();
