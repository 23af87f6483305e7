"use strict";
// Follows the import that the token in the address names.

const bar = document.querySelector("progress");
const state = document.querySelector("#state");
const notes = document.querySelector("#notes");

const endings = {
  failed: "The import has failed.",
  canceled: "The import was canceled.",
};

// After a lost connection, the browser connects again by itself, and names the last event that it knows.
const source = new EventSource("events" + location.search);

const on = (name, act) => source.addEventListener(name, event => act(JSON.parse(event.data)));

const end = text => {
  source.close();
  state.textContent = text;
};

on("state", ({ status, progress }) => {
  bar.value = progress;
  state.textContent = status === "running" ? `${progress} %` : "Waiting to start…";
});

on("note", ({ text }) => {
  notes.append(Object.assign(document.createElement("li"), { textContent: text }));
});

on("end", ({ status, orders }) => {
  if (status === "terminated") bar.value = 100;
  end(endings[status] ?? `Done: ${orders} orders were imported.`);
});

on("gone", () => end("This import can't be followed any more."));

// The server has refused to answer: the link is too old by now.
source.addEventListener("error", () => {
  if (source.readyState === EventSource.CLOSED) end("This link is not valid any more.");
});
