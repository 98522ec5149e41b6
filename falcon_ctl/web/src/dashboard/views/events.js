// The event log, the newest first.

import { clock } from "../../shared/format.js";
import { $, h } from "../../shared/dom.js";

const SHOWN = 200;
const TITLES = {
  use: "use", drop: "drop", rehash: "rehash", move: "move", handover: "hand-over", "switch-off": "FALCON off",
  "switch-on": "FALCON on", network: "network", flow: "flow", recording: "recording", error: "error",
};

export function makeEvents() {
  const list = $("events");
  let newest = null;
  return {
    reset() {
      newest = null;
      list.replaceChildren();
    },
    update({ state }) {
      const { events } = state;
      const from = newest === null ? Math.max(0, events.length - SHOWN) : events.lastIndexOf(newest) + 1;
      for (const event of events.slice(from)) {
        list.prepend(makeEvent(event));
      }
      while (list.children.length > SHOWN) list.lastElementChild.remove();
      newest = events.at(-1) ?? null;
    },
  };
}

function makeEvent(event) {
  const where = event.host ? `${event.host}: ` : "";
  return h(
    "li", { "data-kind": event.kind },
    h("time", { datetime: new Date(event.at).toISOString() }, clock(event.at)),
    h("span", { class: "kind" }, TITLES[event.kind] ?? event.kind),
    h("span", {}, `${where}${event.text}`),
  );
}
