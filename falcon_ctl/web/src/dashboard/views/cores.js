// The cores: load of each by stage, and what each did in the last microseconds.

import { duration, percent } from "../../shared/format.js";
import { $, h, keyed, text } from "../../shared/dom.js";
import { STAGES, orderOf, stageOf } from "../../shared/stages.js";
import { drawLanes } from "./lanes.js";
import { recent } from "./recent.js";

const SPANS = [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500, 1000, 2000, 5000].map((us) => us * 1000); // ns
const PACKET_WIDTH = 92; // px that a packet has in the automatic span, about: its number can be read
const SOFTIRQS = new Set(["napi", "split", "rps", "gro_cell", "backlog"]);
const LATELY = 1200; // slices
const SHORT_PAUSE = 2000; // ns; a shorter one is between two packets
const LONGEST_PAUSE = 300_000; // ns
const STAYS = 150; // frames for which a core stays in view after its last work
const [CPU, KIND, DEVICE, FLOW, PACKET, START, END] = [0, 1, 2, 3, 4, 5, 6];

export function makeCores() {
  const canvas = $("slices");
  let last = null; // what was shown last
  let span = null; // ns; null: automatic
  let automatic = SPANS[7];
  let frozen = null; // { slices, gaps, end } while frozen
  let selected = null; // [flow, packet]
  let seen = new Map(); // CPU → number of the frame in which it worked last
  let seenHost = null;
  let number = 0;
  let cpus = [];

  makeLegend();
  $("zoom-in").addEventListener("click", () => zoom(-1));
  $("zoom-out").addEventListener("click", () => zoom(1));
  $("freeze").addEventListener("click", toggleFreeze);
  canvas.addEventListener("pointermove", (event) => select(drawn.at(event.offsetX, event.offsetY)));
  canvas.addEventListener("pointerleave", () => !frozen && select(null));
  canvas.addEventListener("click", (event) => {
    select(drawn.at(event.offsetX, event.offsetY));
    if (!frozen) toggleFreeze();
  });
  canvas.addEventListener("wheel", (event) => frozen && pan(event), { passive: false });
  canvas.addEventListener("keydown", onKey);
  new ResizeObserver(() => last && draw()).observe(canvas.parentElement);
  let drawn = { at: () => null };

  function zoom(by) {
    const at = SPANS.indexOf(span ?? automatic);
    span = SPANS[Math.max(0, Math.min(SPANS.length - 1, at + by))];
    draw();
  }

  function toggleFreeze() {
    const slices = slicesNow();
    frozen = frozen || slices.length === 0 ? null : { slices: slices.slice(), gaps: gapsNow(), end: endOf(slices) };
    $("freeze").setAttribute("aria-pressed", String(Boolean(frozen)));
    text($("freeze"), frozen ? "Go on" : "Freeze");
    draw();
  }

  function pan(event) {
    event.preventDefault();
    const width = canvas.clientWidth || 1;
    frozen.end += ((event.deltaX || event.deltaY) / width) * (span ?? automatic);
    keepInside();
    draw();
  }

  function keepInside() {
    const { slices } = frozen;
    const shown = span ?? automatic;
    frozen.end = Math.min(Math.max(frozen.end, slices[0][START] + shown), endOf(slices));
  }

  function onKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) {
      if (!frozen) toggleFreeze();
      if (frozen) walk(step);
    } else if (event.key === "+" || event.key === "=") {
      zoom(-1);
    } else if (event.key === "-") {
      zoom(1);
    } else if (event.key === " ") {
      toggleFreeze();
    } else if (event.key === "Escape") {
      select(null);
    } else {
      return;
    }
    event.preventDefault();
  }

  // Select the packet before or behind the selected one, in order of arrival.
  function walk(step) {
    const packets = packetsOf(frozen.slices);
    if (packets.length === 0) return;
    const found = selected ? packets.findIndex((one) => same(one, selected)) : -1;
    const start = frozen.end - (span ?? automatic);
    const next = found >= 0 ? found + step : packets.findIndex((one) => one[2] >= start);
    selected = packets[Math.max(0, Math.min(packets.length - 1, next))];
    const stages = frozen.slices.filter((one) => same(selected, [one[FLOW], one[PACKET]]));
    const [first, end] = [stages[0][START], Math.max(...stages.map((one) => one[END]))];
    if (end > frozen.end) frozen.end = end + (span ?? automatic) / 3;
    if (first < frozen.end - (span ?? automatic)) frozen.end = first + (span ?? automatic) * 0.8;
    keepInside();
    draw();
  }

  function select(slice) {
    const next = slice && slice[PACKET] >= 0 ? [slice[FLOW], slice[PACKET]] : null;
    if (same(next, selected)) return;
    selected = next;
    draw();
  }

  function slicesNow() {
    return last?.state.slices.get(last.host) ?? [];
  }

  function gapsNow() {
    return last?.state.gaps.get(last.host) ?? [];
  }

  function draw() {
    if (!last) return;
    const slices = frozen?.slices ?? slicesNow();
    automatic = frozen ? automatic : spanFor(slices, gapsNow(), automatic, canvas.parentElement.clientWidth);
    const shown = span ?? automatic;
    const end = frozen?.end ?? endOf(slices);
    drawn = drawLanes(canvas, { slices, gaps: frozen?.gaps ?? gapsNow() }, cpus, { start: end - shown, end }, selected);
    text($("span"), duration(shown));
    text($("packet"), describe(slices, selected, last));
    const summary = summaryOf(cpus, last);
    if (canvas.getAttribute("aria-label") !== summary) canvas.setAttribute("aria-label", summary);
  }

  return {
    reset() {
      seen = new Map();
      frozen = null;
      selected = null;
      $("freeze").setAttribute("aria-pressed", "false");
      text($("freeze"), "Freeze");
    },
    recolour() {
      draw();
    },
    update(shown) {
      last = shown;
      const { state, host } = shown;
      if (host !== seenHost) {
        seen = new Map();
        seenHost = host;
        frozen = null;
        $("freeze").setAttribute("aria-pressed", "false");
        text($("freeze"), "Freeze");
      }
      number += 1;
      const now = recent(state, host, 3);
      for (const frame of seen.size ? now.slice(-1) : recent(state, host, STAYS)) {
        for (const [cpu, one] of Object.entries(frame.cpus)) {
          if (one.load > 0.004) seen.set(Number(cpu), number);
        }
      }
      for (const [cpu, when] of seen) {
        if (number - when > STAYS) seen.delete(cpu);
      }
      const falcon = state.choice?.cores ?? [];
      cpus = [...new Set([...seen.keys(), ...falcon])].sort((a, b) => a - b);
      showLanes(cpus, now.at(-1));
      const idle = !slicesNow().length;
      $("idle").hidden = !idle;
      text($("idle"), idleText(shown));
      draw();
    },
  };
}

function makeLegend() {
  const shown = STAGES.filter((stage) => !["poll", "defrag", "split", "rps"].includes(stage.kind));
  $("legend").append(
    ...shown.map((stage) => h("li", {}, h("i", { class: `swatch ${stage.kind}` }), stage.long)),
  );
}

function idleText({ state, host }) {
  if (!state.network?.up && !state.mode.replay) return "";
  return host ? `No packet on ${host} yet: start a flow.` : "";
}

function showLanes(cpus, host) {
  keyed($("lanes"), cpus, (cpu) => cpu, makeLane, (lane, cpu) => {
    const one = host?.cpus[cpu];
    const load = one?.load ?? 0;
    lane.dataset.full = String(load > 0.95);
    text(lane.querySelector(".load"), percent(load));
    const parts = grouped(one?.stages ?? {});
    keyed(
      lane.querySelector(".bar"), parts, ([kind]) => kind,
      ([kind]) => h("i", { class: `swatch ${kind}` }),
      (part, [kind, share]) => {
        part.style.width = `${Math.min(100, share * 100)}%`;
        part.title = `${stageOf(kind).title} ${percent(share)}`;
      },
    );
    const waiting = one?.backlog ?? 0;
    text(lane.querySelector(".waits"), waiting ? String(waiting) : "");
    lane.querySelector(".waits").title = waiting ? `${waiting} packets wait` : "";
  });
}

function makeLane(cpu) {
  return h(
    "li", { class: "lane" },
    h("span", { class: "cpu" }, `CPU ${cpu}`),
    h("span", { class: "bar", "aria-hidden": "true" }),
    h("span", { class: "load" }),
    h("span", { class: "waits" }),
  );
}

// Shares of a CPU by what is shown, in the order of the stages.
export function grouped(stages) {
  const found = new Map();
  for (const [kind, share] of Object.entries(stages)) {
    const shown = stageOf(kind).kind;
    found.set(shown, (found.get(shown) ?? 0) + share);
  }
  return [...found].filter(([, share]) => share > 0.0005).sort((a, b) => orderOf(a[0]) - orderOf(b[0]));
}

function endOf(slices) {
  let end = 0;
  for (const one of slices.slice(-200)) end = Math.max(end, one[END]);
  return end;
}

// A span in which the numbers of packets can be read, and each stage is seen: also where a core takes
// turns between stages, or packets come in bursts. It changes only when it is clearly wrong.
function spanFor(slices, gaps, before, width) {
  const last = slices.slice(-LATELY);
  const firsts = last.filter((one) => one[KIND] === "napi");
  if (firsts.length < 8) return before;
  const each = (firsts.at(-1)[START] - firsts[0][START]) / (firsts.length - 1);
  const readable = each * Math.max(4, width / PACKET_WIDTH);
  const wanted = Math.max(readable, 1.4 * Math.min(pauseOf(last, gaps), LONGEST_PAUSE));
  if (wanted > before / 1.9 && wanted < before * 1.25) return before;
  return SPANS.find((one) => one >= wanted) ?? SPANS.at(-1);
}

// For how long a stage usually pauses on its core, of the stage with the longest pauses.
function pauseOf(slices, gaps) {
  const unknown = new Set(gaps.map(([, to]) => to)); // when slices are known again
  const ended = new Map(); // CPU and kind → end of its last slice
  const pauses = new Map(); // CPU and kind → its pauses
  for (const one of slices) {
    if (unknown.has(one[START])) ended.clear();
    if (!SOFTIRQS.has(one[KIND])) continue;
    const key = `${one[CPU]} ${one[KIND]}`;
    const pause = one[START] - (ended.get(key) ?? one[START]);
    if (pause > SHORT_PAUSE) pauses.set(key, [...(pauses.get(key) ?? []), pause]);
    ended.set(key, one[END]);
  }
  const medians = [...pauses.values()].map((all) => all.sort((a, b) => a - b)[all.length >> 1]);
  return Math.max(0, ...medians);
}

function same(a, b) {
  return a === b || (a && b && a[0] === b[0] && a[1] === b[1]);
}

// [flow, packet, start] in order of arrival.
function packetsOf(slices) {
  const found = new Map();
  for (const one of slices) {
    const key = `${one[FLOW]} ${one[PACKET]}`;
    if (one[PACKET] >= 0 && !found.has(key)) found.set(key, [one[FLOW], one[PACKET], one[START]]);
  }
  return [...found.values()].sort((a, b) => a[2] - b[2]);
}

function describe(slices, selected, { state, host }) {
  if (!selected) return "Point at a packet, or press the arrow keys in the timeline, to follow it through its cores.";
  const stages = slices.filter((one) => one[FLOW] === selected[0] && one[PACKET] === selected[1]);
  if (stages.length === 0) return "";
  const flow = state.frames.at(-1)?.flows.find((one) => one.host === host && one.number === selected[0]);
  const start = stages[0][START];
  const end = Math.max(...stages.map((one) => one[END]));
  const steps = stages.map(
    (one) => `${stageOf(one[KIND]).title} (${one[DEVICE] || one[KIND]}) on CPU ${one[CPU]}, ${duration(one[END] - one[START])}`,
  );
  const name = flow ? ` of ${flow.name}` : "";
  return `Packet ${selected[1]}${name}: ${steps.join(" → ")}; ${duration(end - start)} in all.`;
}

function summaryOf(cpus, { state, host }) {
  const now = recent(state, host, 1).at(-1);
  if (!now) return "Timeline of the cores: nothing yet";
  const busy = cpus.filter((cpu) => (now.cpus[cpu]?.load ?? 0) >= 0.05);
  const parts = busy.map((cpu) => {
    const stages = grouped(now.cpus[cpu].stages).filter(([, share]) => share >= 0.02);
    return `CPU ${cpu} runs ${stages.map(([kind]) => stageOf(kind).title).join(", ")}`;
  });
  return `Timeline of the cores of ${host}: ${parts.join("; ") || "all are idle"}`;
}
