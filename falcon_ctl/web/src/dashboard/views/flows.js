// Which flow runs on which cores, how fast, what is lost and reordered.

import { count, si } from "../../shared/format.js";
import { $, h, keyed, text } from "../../shared/dom.js";
import { orderOf, stageOf } from "../../shared/stages.js";

const FRAMES = 5;

export function makeFlows() {
  const table = $("flows");
  const body = h("tbody");
  const heads = ["Flow", "Cores", "Rate", "Lost", "Reordered"];
  table.append(
    h("caption", { class: "hidden" }, "Flows that arrive, the cores of their stages, rate, loss and reordering"),
    h("thead", {}, h("tr", {}, heads.map((head, i) => h("th", { scope: "col", class: i > 1 ? "n" : "" }, head)))),
    body,
  );
  return {
    update({ state }) {
      const flows = flowsOf(state);
      keyed(
        body, flows, (flow) => flow.id,
        (flow) => h("tr", {}, h("th", { scope: "row" }, flow.name.replace(" > ", " → ")), h("td", { class: "path" }), h("td", { class: "n" }), h("td", { class: "n" }), h("td", { class: "n" })),
        showFlow,
      );
      keyed(
        table, flows.length ? [] : ["none"], (one) => one,
        () => h("tbody", { class: "none" }, h("tr", {}, h("td", { colspan: heads.length, class: "quiet" }, "No flow arrives."))),
      );
    },
  };
}

function showFlow(row, flow) {
  const [, path, rate, lost, reordered] = row.children;
  const stages = Object.entries(flow.cpus).sort((a, b) => orderOf(a[0]) - orderOf(b[0]));
  keyed(
    path, stages, ([kind]) => kind,
    ([kind]) => h("span", { class: `chip ${stageOf(kind).kind}` }),
    (chip, [kind, cpus]) => {
      text(chip, `${stageOf(kind).title} ${cpus.join(", ")}`);
      chip.title = `${stageOf(kind).long}: CPU ${cpus.join(", ")}`;
    },
  );
  text(rate, si(flow.pps, "pps"));
  text(lost, count(flow.lost));
  text(reordered, count(flow.reordered));
  lost.dataset.bad = String(flow.lost > 0);
  reordered.dataset.bad = String(flow.reordered > 0);
}

// The flows of the last second, with what they lost in it.
function flowsOf(state) {
  const found = new Map();
  const frames = state.frames.slice(-FRAMES);
  for (const frame of frames) {
    for (const flow of frame.flows) {
      const before = found.get(flow.id);
      found.set(flow.id, {
        ...flow,
        pps: (before?.pps ?? 0) + flow.pps / frames.length,
        lost: (before?.lost ?? 0) + flow.lost,
        reordered: (before?.reordered ?? 0) + flow.reordered,
      });
    }
  }
  return [...found.values()].filter((flow) => flow.pps > 0 || flow.lost > 0).sort((a, b) => a.name.localeCompare(b.name, "en"));
}
