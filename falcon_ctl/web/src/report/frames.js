// Packets of a run: a timeline with a lane for each core, a list to choose from, and what the chosen
// one met. The list is the way for keyboards and screen readers; a click on the timeline is another.

import { element, number, svg, table } from "./dom.js";
import { PRINTED, isPrinted } from "./theme.js";

const CHOICES = ["not steered", "first choice", "second choice", "steering was off", "kept in order"];
const LANE = 26;
const LEFT = 64;
const TOP = 8;
const AXIS = 34;
const RIGHT = 12;
const WIDEST = 30_000; // px

let count = 0;

export function showFrames(place, { runs, hops }, stages) {
  const id = `frames-${count++}`;
  place.querySelector(".without-program").remove();
  const select = element("select", { id: `${id}-run` },
    ...runs.map((run, index) => element("option", { value: index }, run.title)));
  const chosen = element("p", { class: "quiet" });
  const zoom = ["Zoom in", "Zoom out"].map((name) => element("button", { type: "button" }, name));
  const timeline = element("div", { class: "timeline" });
  const list = element("ul", { class: "packets", role: "listbox", tabindex: 0, "aria-labelledby": `${id}-list` });
  const details = element("div", { class: "details", role: "region", "aria-label": "The chosen packet" });
  const told = element("p", { class: "hidden", "aria-live": "polite" }); // all of the details would be too much
  place.append(
    element("p", { class: "controls" }, element("label", { for: `${id}-run` }, "Run: "), select, ...zoom),
    chosen,
    timeline,
    element("div", { class: "columns" },
      element("div", {}, element("h3", { id: `${id}-list`, class: "packets-title" }, "Packets"), list),
      details),
    told,
  );
  const state = { run: runs[0], frame: 0, zoom: 1 };
  const redraw = () => {
    draw(timeline, state.run, stages, choose, state.zoom);
    mark(timeline, state.frame);
  };

  const choose = (frame) => {
    state.frame = Math.min(state.run.frames.length - 1, Math.max(0, frame));
    [...list.children].forEach((option, index) => option.setAttribute("aria-selected", index === state.frame));
    const option = list.children[state.frame];
    list.setAttribute("aria-activedescendant", option.id);
    keepInView(list, option);
    mark(timeline, state.frame);
    told.textContent = tell(state.run.frames[state.frame], stages);
    details.replaceChildren(...describe(state.run, state.run.frames[state.frame], stages, hops[state.run.label] ?? []));
  };
  const open = (index) => {
    state.run = runs[index];
    chosen.textContent = `${state.run.chosen}.`;
    if (state.run.dilation !== 1) {
      chosen.textContent += ` One second of the model took ${state.run.dilation.toLocaleString("en")} s.`;
    }
    list.replaceChildren(...state.run.frames.map((frame, at) => option(id, state.run, frame, at, choose)));
    state.zoom = 1;
    draw(timeline, state.run, stages, choose, state.zoom);
    choose(0);
  };
  select.addEventListener("change", () => open(Number(select.value)));
  list.addEventListener("keydown", (event) => {
    const page = 8;
    const to = {
      ArrowDown: state.frame + 1, ArrowUp: state.frame - 1, Home: 0, End: Infinity,
      PageDown: state.frame + page, PageUp: state.frame - page,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      choose(to);
    }
  });
  zoom.forEach((button, place) => button.addEventListener("click", () => {
    state.zoom = Math.min(64, Math.max(1, state.zoom * (place === 0 ? 2 : 0.5)));
    redraw();
  }));
  addEventListener("beforeprint", () => { // paper does not scroll
    draw(timeline, state.run, stages, choose, 1);
    mark(timeline, state.frame);
  });
  addEventListener("afterprint", redraw);
  let width = 0;
  new ResizeObserver(() => {
    if (place.clientWidth !== width && !isPrinted()) {
      width = place.clientWidth;
      redraw();
    }
  }).observe(place);
  open(0);
}

function option(id, run, frame, at, choose) {
  const first = run.frames[0].arrival;
  const result = frame.dropped ? `lost: ${frame.dropped}` : `${number((frame.delivered - frame.arrival) / 1000)} µs`;
  const made = element("li", { role: "option", id: `${id}-packet-${at}`, "aria-selected": false },
    element("b", {}, `${frame.number}`), ` at ${number((frame.arrival - first) / 1000)} µs, ${result}`,
    element("span", { class: "flow" }, ` ${frame.flow}`));
  made.addEventListener("click", () => choose(at));
  return made;
}

function keepInView(list, made) {
  const above = made.offsetTop - list.offsetTop;
  if (above < list.scrollTop) {
    list.scrollTop = above;
  } else if (above + made.offsetHeight > list.scrollTop + list.clientHeight) {
    list.scrollTop = above + made.offsetHeight - list.clientHeight;
  }
}

// -- the timeline ---------------------------------------------------------------------------------

const stageOf = ([kind, ifindex, cpu, choice, enqueue, start, end, held]) =>
  ({ kind, ifindex, cpu, choice, enqueue, start, end, held });

function draw(place, run, stages, choose, zoom) {
  const all = run.frames.flatMap((frame, index) => frame.stages.map((one) => ({ ...stageOf(one), index })));
  const ran = all.filter((one) => one.end).sort((a, b) => a.start - b.start);
  const begin = ran.length > 0 ? Math.min(...ran.map((one) => one.start)) : run.frames[0].arrival;
  const end = Math.max(...ran.map((one) => one.end), begin + 1);
  const cpus = inOrder(run, all, Object.keys(stages));
  const visible = isPrinted() ? PRINTED - LEFT - 4 : Math.max(240, place.clientWidth - LEFT - 4);
  const scale = Math.min(zoom * (visible - RIGHT), WIDEST) / (end - begin);
  const x = (time) => (time - begin) * scale;
  const width = Math.max(visible, RIGHT + (end - begin) * scale);
  const height = TOP + cpus.length * LANE + AXIS;
  const drawing = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": `${run.frames.length} packets on ${cpus.length} cores within ${number((end - begin) / 1000)} µs` });
  const names = svg("svg", { width: LEFT, height, viewBox: `0 0 ${LEFT} ${height}`, "aria-hidden": true });
  cpus.forEach((cpu, lane) => {
    const y = TOP + lane * LANE;
    drawing.append(svg("line", { class: "lane", x1: 0, x2: width, y1: y + LANE - 2, y2: y + LANE - 2 }));
    names.append(svg("text", { class: "name", x: LEFT - 8, y: y + 17 }, `CPU ${cpu}`));
  });
  axis(drawing, x, begin, end, scale, TOP + cpus.length * LANE);
  const top = (cpu) => TOP + cpus.indexOf(cpu) * LANE;
  const origin = run.frames[0].arrival;
  for (const [kind, cpu, start, length] of run.others ?? []) {
    drawing.append(svg("rect", { class: `other stage ${kind}`, x: x(origin + start), y: top(cpu) + 6,
      width: Math.max(0.5, length * scale), height: LANE - 14 }));
  }
  drawing.append(svg("g", { class: "path" }));
  const drawn = new Map(); // frames that GRO merged share a stage: one slice for all of them
  for (const one of ran) {
    const key = `${one.cpu} ${one.start} ${one.kind}`;
    if (drawn.has(key)) {
      drawn.get(key).push(one.index);
      continue;
    }
    drawn.set(key, [one.index]);
    drawing.append(slice(one, stages, x, top(one.cpu), drawn.get(key), run, choose));
  }
  const scroll = element("div", { class: "scroll", role: "group", tabindex: 0, "aria-label": "Timeline of the cores" }, drawing);
  const left = place.querySelector(".scroll")?.scrollLeft ?? 0;
  place.replaceChildren(names, scroll);
  scroll.scrollLeft = left;
  place.geometry = { x, cpus, run };
}

// The CPUs in the order in which a packet comes to them.
function inOrder(run, all, kinds) {
  const met = [...all.map(({ kind, cpu }) => [kind, cpu]), ...(run.others ?? [])].sort(
    ([a, cpuA], [b, cpuB]) => kinds.indexOf(a) - kinds.indexOf(b) || cpuA - cpuB);
  return [...new Set(met.map(([, cpu]) => cpu))];
}

function slice(one, stages, x, y, indices, run, choose) {
  const width = Math.max(1, x(one.end) - x(one.start));
  const { letter, title } = stages[one.kind] ?? { letter: one.kind[0].toUpperCase(), title: one.kind };
  const frame = run.frames[one.index];
  const made = svg("g", { class: "slice" },
    svg("title", {}, `packet ${frame.number}, ${title}, CPU ${one.cpu}, ${(one.end - one.start).toLocaleString("en")} ns`),
    svg("rect", { class: `stage ${one.kind}`, x: x(one.start), y: y + 2, width, height: LANE - 6 }));
  if (width > 13) {
    made.append(svg("text", { class: "letter", x: x(one.start) + width / 2, y: y + 17 }, letter));
  }
  made.addEventListener("click", () => choose(indices[0]));
  made.frames = indices;
  return made;
}

// Microseconds since the first of these stages began.
function axis(drawing, x, begin, end, scale, y) {
  const span = (end - begin) / 1000;
  const raw = 110 / (1000 * scale);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= raw);
  for (let at = 0; at <= span; at += step) {
    const place = x(begin + 1000 * at);
    drawing.append(svg("line", { class: "tick", x1: place, x2: place, y1: TOP, y2: y + 4 }),
      svg("text", { class: at === 0 ? "tick first" : "tick", x: place, y: y + 18 }, `${number(at)}${at === 0 ? " µs" : ""}`));
  }
}

// The chosen packet's slices in full, the others' pale, a line from core to core, waiting dashed.
function mark(place, frame) {
  const { x: unbounded, cpus, run } = place.geometry;
  const x = (time) => Math.max(0, unbounded(time)); // it may have come before the timeline begins
  for (const made of place.querySelectorAll(".slice")) {
    made.classList.toggle("chosen", made.frames.includes(frame));
  }
  const group = place.querySelector(".path");
  group.replaceChildren();
  const middle = (cpu) => TOP + cpus.indexOf(cpu) * LANE + LANE / 2 - 1;
  let before = null;
  for (const one of run.frames[frame].stages.map(stageOf).filter((stage) => stage.end)) {
    if (before) {
      group.append(svg("line", { class: "hop", x1: x(before.end), y1: middle(before.cpu), x2: x(Math.max(one.enqueue, before.end)), y2: middle(one.cpu) }));
    }
    group.append(svg("line", { class: "wait", x1: x(one.enqueue), y1: middle(one.cpu), x2: x(one.start), y2: middle(one.cpu) }));
    before = one;
  }
  const first = run.frames[frame].stages.map(stageOf).find((stage) => stage.end);
  const left = first ? x(first.start) : 0;
  const scroll = place.querySelector(".scroll");
  if (left < scroll.scrollLeft || left > scroll.scrollLeft + scroll.clientWidth - 60) {
    scroll.scrollLeft = left - 20;
  }
}

// -- the chosen packet ----------------------------------------------------------------------------

function tell(frame, stages) {
  const ran = frame.stages.map(stageOf).filter((one) => one.end);
  const where = ran.map((one) => `${stages[one.kind]?.title ?? one.kind} on CPU ${one.cpu}`);
  return `Packet ${frame.number} ${outcome(frame)}; ${where.join(", ")}`;
}

const outcome = (frame) => (frame.dropped
  ? `lost: ${frame.dropped}`
  : `delivered after ${number((frame.delivered - frame.arrival) / 1000)} µs`);

function describe(run, frame, stages, hops) {
  const facts = [
    ["flow", frame.flow],
    ["tunnel", frame.vni ? `VNI ${frame.vni}, ${frame.outer}` : "none"],
    ["length", `${frame.bytes} bytes`],
    ["RSS", `hash 0x${frame.rss_hash.toString(16).padStart(8, "0")}, NIC queue ${frame.queue}`],
  ];
  const known = frame.queue < 0 ? facts.slice(0, 1) : facts; // the virtual clock records no headers
  return [
    element("h3", {}, `Packet ${frame.number}: ${outcome(frame)}`),
    element("dl", { class: "facts" }, ...known.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value)))),
    stageTable(run, frame, stages),
    ...switches(frame, hops),
  ];
}

function stageTable(run, frame, stages) {
  const columns = [
    { name: "stage" }, { name: "device" }, { name: "core" }, { name: "chosen" },
    { name: "waited, ns", numeric: true }, { name: "ran, ns", numeric: true },
    { name: "held in order, ns", numeric: true }, { name: "at, µs", numeric: true },
  ];
  const ns = (value) => value.toLocaleString("en");
  const rows = frame.stages.map(stageOf).map((one) => {
    const { letter, title } = stages[one.kind] ?? { letter: one.kind[0].toUpperCase(), title: one.kind };
    const device = run.devices[one.ifindex] ?? `ifindex ${one.ifindex}`;
    return [
      `${letter} – ${title}`, device, `CPU ${one.cpu}`, CHOICES[one.choice] ?? `${one.choice}`,
      ns(one.start - one.enqueue), one.end ? ns(one.end - one.start) : "–", one.held ? ns(one.held) : "0",
      number((one.start - frame.arrival) / 1000),
    ];
  });
  const ran = frame.stages.map(stageOf).filter((one) => one.end);
  const total = (of) => ns(ran.reduce((sum, one) => sum + of(one), 0));
  rows.push(["all", "", `${new Set(ran.map((one) => one.cpu)).size} cores`, "",
    total((one) => one.start - one.enqueue), total((one) => one.end - one.start), total((one) => one.held), ""]);
  return table("Its stages in the receiving host", columns, rows);
}

// What the packet met in each switch: as explained for it, or for another packet of its flow or run.
function switches(frame, ways) {
  const way = ways.find((one) => one.packet === frame.number) ?? ways.find((one) => one.flow === frame.flow) ?? ways[0];
  if (!way) {
    return [];
  }
  const whose = way.packet === frame.number ? "This packet" : `Packet ${way.packet} of ${way.flow === frame.flow ? "this flow" : "this run"}`;
  const exact = way.exact ? "what the last switch sends is byte for byte what the NIC received" : "what the last switch sends is not what the NIC received";
  return [
    element("h3", {}, "In the switches"),
    element("p", { class: "quiet" }, `${whose}, run through the P4 program with the entries that the switches held: ${exact}.`),
    ...way.switches.flatMap(inSwitch),
  ];
}

const named = (...names) => names.map((name) => ({ name }));

function inSwitch(hop) {
  const code = (text) => element("code", { class: text.length > 50 ? "long" : undefined }, text);
  const tables = hop.tables.map(([name, result, key, entry, action, source]) =>
    [code(name), result, wide(key), wide(entry), wide(action), code(source)]);
  const statements = hop.statements.map(([statement, effect, source]) => [code(statement), wide(effect), code(source)]);
  return [
    element("p", {}, element("b", {}, `Switch ${hop.switch}`), `, port ${hop.port}: headers ${hop.headers}; ${hop.ends}.`),
    table(`Tables of ${hop.switch}`, named("table", "result", "key", "entry", "action", "P4 source"), tables),
    element("details", { class: "fold" },
      element("summary", {}, `Statements of ${hop.switch} that changed something (${statements.length})`),
      table(`Statements of ${hop.switch}`, named("statement", "effect", "P4 source"), statements)),
  ];
}

const wide = (text) => (text.length > 44 ? element("span", { class: "long" }, text) : text);
