// Which machine is shown: the one that receives most, until one is chosen.

import { $, h, keyed } from "../../shared/dom.js";
import { busiestHost } from "../store.js";

export function makeHosts(onChange) {
  let chosen = null; // null: automatic
  let shown = null;

  function choose(name) {
    chosen = name;
    onChange();
  }
  return {
    update(state) {
      const names = Object.keys(state.frames.at(-1)?.hosts ?? {}).sort();
      if (chosen && !names.includes(chosen)) chosen = null;
      shown = chosen ?? busiestHost(state);
      const items = names.length > 1 ? [null, ...names] : [];
      keyed(
        $("hosts"), items, (name) => name ?? "",
        (name) => h("button", { type: "button", class: "segment", onclick: () => choose(name) }, name ?? "Busiest"),
        (button, name) => button.setAttribute("aria-pressed", String(chosen === name)),
      );
      return shown;
    },
  };
}
