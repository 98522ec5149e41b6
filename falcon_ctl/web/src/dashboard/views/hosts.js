// Which machine is shown: the one that receives most, until one is chosen.

import { $, h, keyed } from "../../shared/dom.js";
import { busiestHost } from "../store.js";

const BUTTONS = 4; // machines; of more a list is shorter

export function makeHosts(onChange) {
  let chosen = null; // null: automatic

  function choose(name) {
    chosen = name || null;
    onChange();
  }
  const list = h("select", { "aria-label": "Machine", onchange: () => choose(list.value) });
  $("hosts").after(list);

  return {
    update(state) {
      const names = Object.keys(state.frames.at(-1)?.hosts ?? {});
      names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
      if (chosen && !names.includes(chosen)) chosen = null;
      const many = names.length > BUTTONS;
      const items = names.length > 1 ? ["", ...names] : [];
      list.hidden = !many;
      keyed(list, many ? items : [], (name) => name, (name) => h("option", { value: name }, name || "Busiest machine"));
      if (many && list.value !== (chosen ?? "")) list.value = chosen ?? "";
      keyed(
        $("hosts"), many ? [] : items, (name) => name,
        (name) => h("button", { type: "button", class: "segment", onclick: () => choose(name) }, name || "Busiest"),
        (button, name) => button.setAttribute("aria-pressed", String((chosen ?? "") === name)),
      );
      return chosen ?? busiestHost(state);
    },
  };
}
