// Load by core and stage: a table whose cells are the darker the more of the core they take.

import { percent } from "../../shared/format.js";
import { $, h, keyed, text } from "../../shared/dom.js";
import { STAGES } from "../../shared/stages.js";
import { grouped } from "./cores.js";
import { recent } from "./recent.js";

const STEPS = 10; // of colour; style.css has a class for each

export function makeHeat() {
  const table = $("heat");
  const head = h("tr");
  const body = h("tbody");
  table.append(h("caption", { class: "hidden" }, "Share of each core's time that each stage took in the last second"), h("thead", {}, head), body);
  return {
    update({ state, host }) {
      const frames = recent(state, host);
      const cells = cellsOf(frames);
      const cpus = [...new Set([...cells.keys(), ...(cells.size ? state.choice?.cores ?? [] : [])])].sort((a, b) => a - b);
      const kinds = STAGES.filter(({ kind }) => cpus.some((cpu) => cells.get(cpu)?.has(kind)));
      keyed(
        head, [null, ...cpus], (cpu) => cpu ?? "stage",
        (cpu) => (cpu === null ? h("th", { scope: "col" }, "Stage") : h("th", { scope: "col" }, h("span", { class: "hidden" }, "CPU "), String(cpu))),
        (cell, cpu) => cell.classList.toggle("idle-core", cpu !== null && !cells.has(cpu)),
      );
      keyed(
        body, kinds, (stage) => stage.kind,
        (stage) => h("tr", {}, h("th", { scope: "row" }, h("i", { class: `swatch ${stage.kind}` }), stage.title)),
        (row, stage) => showRow(row, stage, cpus, cells),
      );
      table.hidden = kinds.length === 0;
    },
  };
}

function showRow(row, stage, cpus, cells) {
  const label = row.firstElementChild;
  keyed(
    row, [null, ...cpus], (cpu) => cpu ?? "stage",
    (cpu) => (cpu === null ? label : h("td")),
    (cell, cpu) => {
      if (cpu === null) return;
      const share = cells.get(cpu)?.get(stage.kind) ?? 0;
      cell.className = share >= 0.005 ? `heat-${Math.min(STEPS, Math.max(1, Math.ceil(share * STEPS)))}` : "";
      cell.classList.toggle("idle-core", !cells.has(cpu));
      text(cell, share >= 0.005 ? String(Math.round(share * 100)) : "");
      cell.title = `${stage.title} on CPU ${cpu}: ${percent(share)}`;
    },
  );
}

// CPU → kind → mean share, of CPUs that did anything.
function cellsOf(frames) {
  const cells = new Map();
  for (const frame of frames) {
    for (const [cpu, one] of Object.entries(frame.cpus)) {
      for (const [kind, share] of grouped(one.stages)) {
        const row = cells.get(Number(cpu)) ?? cells.set(Number(cpu), new Map()).get(Number(cpu));
        row.set(kind, (row.get(kind) ?? 0) + share / frames.length);
      }
    }
  }
  return cells;
}
