"use strict";
// Runs in each document before anything else, and remembers what the page does.
(() => {
  const witness = { executed: [], refused: [] };
  Object.defineProperty(window, "jobsWitness", { value: witness });
  for (const name of ["alert", "confirm", "prompt", "print"]) {
    window[name] = text => { witness.executed.push(`${name}(${text})`); };
  }
  document.addEventListener("securitypolicyviolation", event => {
    witness.refused.push(`${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`);
  });

  const inOneLine = text => text.replace(/\s+/g, " ");

  // All that is to be read, also in what is folded, and in fields.
  witness.shown = () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
    const fields = [...document.querySelectorAll("input, textarea, select")].map(field => field.value);
    return inOneLine([document.body.innerText, ...fields].join("\n"));
  };

  witness.missing = texts => {
    const shown = witness.shown();
    return texts.filter(text => !shown.includes(inOneLine(text)));
  };

  // Elements and attributes that only a stored text can have made, and links that lead elsewhere.
  witness.made = () => {
    const made = [...document.querySelectorAll("[attack]")].map(element => element.outerHTML);
    for (const element of document.querySelectorAll("[href], [src], [action], [formaction], [data]")) {
      for (const name of ["href", "src", "action", "formaction", "data"]) {
        const value = element.getAttribute(name);
        if (value !== null && new URL(value, document.baseURI).origin !== location.origin) made.push(element.outerHTML);
      }
    }
    for (const element of document.querySelectorAll("*")) {
      if ([...element.attributes].some(attribute => attribute.name.startsWith("on"))) made.push(element.outerHTML);
    }
    return made;
  };

  // What is wider than the window, or cut off without a sign. What is only for screen readers does not count.
  witness.cutOff = () => {
    const cut = [];
    const report = (what, element) => cut.push(`${what}: ${element.outerHTML.slice(0, 200)}`);
    if (document.documentElement.scrollWidth > innerWidth) report("wider than the window", document.body);
    for (const element of document.body.querySelectorAll("*")) {
      const { left, right, width, height } = element.getBoundingClientRect();
      const isHidden = width <= 1 || height <= 1;
      const head = element.closest("thead");
      const isForReaders = element.closest(".hidden, .skip") || (head && head.getBoundingClientRect().width <= 1);
      if (isHidden || isForReaders) continue;
      if (left < -0.5 || right > innerWidth + 0.5) report("outside the window", element);
      const style = getComputedStyle(element);
      const hides = ["hidden", "clip"].includes(style.overflowX) && element.scrollWidth > element.clientWidth + 1;
      const saysSo = style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
      // A field is scrolled by its cursor.
      if (hides && !saysSo && !element.matches("input")) report("cut off", element);
    }
    return cut;
  };
})();
