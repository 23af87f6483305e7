// Keeps a page up to date. Without it, pages are the same, and stand still.
//
// `data-refresh="SECONDS"` on an element with an id: the page is asked for again, and this element is changed where it differs.
// `data-events="ADDRESS"`: a stream that tells when to ask. `data-still`: the element does not change under the pointer.
// `data-live` on the root element tells how it goes: `connected` or `waiting`.
//
// It also sends a change only once if a button is clicked twice.
(() => {
  "use strict";

  // In milliseconds.
  const LONGEST_PAUSE = 60_000;
  const SHORTEST_PAUSE = 250;
  const PATIENCE = 10_000;
  // A server that is slow is asked less often.
  const PAUSE_FACTOR = 4;

  const now = () => performance.now();
  const live = () => [...document.querySelectorAll("[data-refresh][id], [data-events][id]")];
  const followed = () => document.querySelector("[data-events][id]");
  // Not all pages at once.
  const backoff = (failures) => Math.min(LONGEST_PAUSE, 1000 * 2 ** failures) * (0.75 + Math.random() / 2);

  // Asking.

  let timer;
  let askAt = Infinity; // When the page is asked for next.
  let earliest = 0; // When it may be.
  let isAsking = false;
  let hasChanged = false; // Since it was asked for.
  let failures = 0;
  let problem = "";

  function plan(time) {
    const at = Math.max(time, earliest);
    if (document.hidden || at >= askAt) return;
    askAt = at;
    clearTimeout(timer);
    timer = setTimeout(ask, Math.max(0, at - now()));
  }

  async function ask() {
    askAt = Infinity;
    if (document.hidden) return;
    if (isAsking) {
      hasChanged = true;
      return;
    }
    isAsking = true;
    hasChanged = false;
    const begin = now();
    try {
      show(await answer());
      failures = 0;
      problem = "";
    } catch (error) {
      failures += 1;
      problem = error.name === "Refused" ? error.message : "The server does not answer. It is asked again.";
    }
    isAsking = false;
    const pause = failures > 0 ? 0 : PAUSE_FACTOR * (now() - begin);
    earliest = now() + Math.max(SHORTEST_PAUSE, pause);
    follow();
    tell();
    planNext();
  }

  function planNext() {
    const elements = live();
    if (elements.length === 0) return;
    const seconds = Math.min(...elements.map((element) => Number(element.dataset.refresh) || Infinity));
    if (failures > 0) plan(now() + backoff(failures));
    else plan(hasChanged ? now() : now() + 1000 * seconds);
  }

  async function answer() {
    const response = await fetch(location.pathname + location.search, {
      headers: { "jobs-fragment": "1" },
      cache: "no-store",
      redirect: "manual",
      signal: AbortSignal.timeout(PATIENCE),
    });
    if (response.ok) return response.text();
    if (response.status >= 500) throw new Error(`${response.status}`);
    throw refused(response.status > 0 ? `The server answers ${response.status}.` : "You may have to sign in.");
  }

  function refused(reason) {
    const text = `${reason} What is shown is no longer kept up to date: load the page again.`;
    return Object.assign(new Error(text), { name: "Refused" });
  }

  // Following a job.

  let stream = null;
  let openedAt = 0;
  let openAt = 0; // When a stream may be opened next.
  let streamFailures = 0;

  function follow() {
    if (document.hidden || !followed()) {
      close();
    } else if (!stream && failures === 0 && now() >= openAt) {
      openedAt = now();
      stream = new EventSource(followed().dataset.events);
      stream.onopen = tell;
      // What comes together is asked for together.
      stream.onmessage = () => plan(now() + 25);
      stream.onerror = reopen;
    }
  }

  // A stream ends after ten minutes, or with the job, or is cut. The page, asked for again, tells from where to go on.
  function reopen() {
    close();
    streamFailures = now() - openedAt < LONGEST_PAUSE ? streamFailures + 1 : 0;
    openAt = streamFailures < 2 ? 0 : now() + backoff(streamFailures);
    plan(openAt || now());
    tell();
  }

  function close() {
    stream?.close();
    stream = null;
  }

  function tell() {
    const isFollowing = !followed() || stream?.readyState === EventSource.OPEN;
    document.documentElement.dataset.live = failures === 0 && isFollowing ? "connected" : "waiting";
    const place = document.getElementById("stale");
    const text = problem && `${problem} ${document.getElementById("age")?.textContent ?? ""}`;
    if (place && place.textContent !== text) place.textContent = text;
  }

  // Showing.

  function show(text) {
    const wanted = new DOMParser().parseFromString(text, "text/html");
    // Times are compared in the zone in which they are shown.
    document.dispatchEvent(new CustomEvent("jobs-content", { detail: wanted }));
    const pairs = live().map((element) => [element, wanted.getElementById(element.id)]);
    if (pairs.some(([, found]) => !found)) throw refused("The page has become another one.");
    const focused = document.activeElement;
    const changing = pairs.filter(([element]) => !element.matches("[data-still]:hover"));
    changing.forEach(([element, found]) => update(element, found));
    if (changing.length === pairs.length) {
      for (const id of ["age", "notice"]) replace(document.getElementById(id), wanted.getElementById(id));
    }
    if (!focused?.isConnected) document.getElementById("main").focus({ preventScroll: true });
  }

  function replace(old, wanted) {
    if (old && wanted) update(old, wanted);
    else old?.remove();
  }

  // Changes an element where it differs: what stays keeps its focus, selection, scroll position and what was typed.
  function update(old, wanted) {
    if (old.isEqualNode(wanted)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.data = wanted.data;
      return;
    }
    updateAttributes(old, wanted);
    let at = old.firstChild;
    for (const child of [...wanted.childNodes]) {
      const same = find(at, child);
      if (!same) {
        old.insertBefore(child, at);
        continue;
      }
      while (at !== same) at = removed(at);
      update(same, child);
      at = same.nextSibling;
    }
    while (at) at = removed(at);
  }

  function updateAttributes(old, wanted) {
    // What is open stays open.
    const isKept = (name) => name === "open" && old.nodeName === "DETAILS";
    for (const { name } of [...old.attributes]) {
      if (!wanted.hasAttribute(name) && !isKept(name)) old.removeAttribute(name);
    }
    for (const { name, value } of [...wanted.attributes]) {
      if (old.getAttribute(name) !== value && !isKept(name)) old.setAttribute(name, value);
    }
  }

  function removed(node) {
    const next = node.nextSibling;
    node.remove();
    return next;
  }

  // What tells an element from its siblings. A button that does something else is another one.
  function key(node) {
    return node.id || node.dataset?.key || node.getAttribute?.("aria-labelledby") || node.getAttribute?.("action") || "";
  }

  // The old node that stands for this one: with the same key, or without one at this place.
  function find(at, wanted) {
    const wantedKey = key(wanted);
    const isSame = (node) => node?.nodeName === wanted.nodeName && key(node) === wantedKey;
    if (isSame(at) || !wantedKey) return isSame(at) ? at : null;
    let node = at;
    while (node && !isSame(node)) node = node.nextSibling;
    return node;
  }

  // Only while somebody looks.

  function resume() {
    if (document.hidden) {
      clearTimeout(timer);
      askAt = Infinity;
      close();
    } else if (live().length > 0) {
      plan(now());
    }
  }

  // A double click sends a change once.

  let sent = null;

  function sendOnce(event) {
    const form = event.target;
    if (form.method !== "post") return;
    if (form === sent) event.preventDefault();
    sent = form;
    setTimeout(() => (sent = null), PATIENCE);
  }

  document.addEventListener("submit", sendOnce);

  // What somebody saw who has signed out meanwhile is not shown again by going back.
  addEventListener("pageshow", (event) => event.persisted && location.reload());

  if (live().length > 0) {
    document.addEventListener("visibilitychange", resume);
    addEventListener("online", resume);
    addEventListener("pagehide", close);
    follow();
    tell();
    planNext();
  }
})();
