// The network: switches, machines and containers, with the rate of each link. Laid out by dagre.

import dagre from "@dagrejs/dagre";
import { si } from "../../shared/format.js";
import { $, h, keyed, svg, text } from "../../shared/dom.js";

const CONTAINERS = 24; // with more of them a machine only says how many it has,
const NARROW = 560; // px, and also where there is less room than this
const SIZES = { switch: [84, 40], machine: [84, 40], container: [76, 30] };
const LANES = 5; // widths of a link
const FULL = 50e6; // bit/s of the widest link: what a test machine moves at best

export function makeTopology() {
  const box = $("topology");
  let drawn = null; // of which topology
  let isNarrow = null;
  let parts = null;

  const table = $("links");
  const body = h("tbody");
  table.append(
    h("caption", { class: "hidden" }, "Rate of each link of the real network in both directions"),
    h("thead", {}, h("tr", {}, ["From", "To", "Rate", "Frames/s"].map((head, i) => h("th", { scope: "col", class: i > 1 ? "n" : "" }, head)))),
    body,
  );

  return {
    update({ state }) {
      const topology = state.network?.topology;
      if (!topology) {
        box.replaceChildren();
        drawn = null;
        return;
      }
      const narrow = box.parentElement.clientWidth < NARROW;
      if (topology !== drawn || narrow !== isNarrow) {
        isNarrow = narrow;
        parts = draw(topology, narrow);
        box.replaceChildren(parts.picture);
        drawn = topology;
      }
      const links = state.network.up || state.mode.replay ? meanOf(state.frames.slice(-5)) : new Map();
      showRates(parts, links);
      showFailed(parts, state.network.up && !state.mode.replay ? (state.network.failed ?? []) : []);
      keyed(
        body, [...links.values()].flatMap((link) => [{ ...link, from: link.a, to: link.b, bps: link.ab, pps: link.ab_pps }, { ...link, from: link.b, to: link.a, bps: link.ba, pps: link.ba_pps }]),
        (one) => `${one.from} ${one.to}`,
        (one) => h("tr", {}, h("th", { scope: "row" }, one.from), h("td", {}, one.to), h("td", { class: "n" }), h("td", { class: "n" })),
        (row, one) => {
          text(row.children[2], si(one.bps, "bit/s"));
          text(row.children[3], si(one.pps, ""));
        },
      );
    },
  };
}

function nameOf(a, b) {
  return [a, b].sort().join(" ");
}

function meanOf(frames) {
  const found = new Map();
  for (const frame of frames) {
    for (const link of frame.links) {
      const name = nameOf(link.a, link.b);
      const before = found.get(name) ?? { a: link.a, b: link.b, ab: 0, ba: 0, ab_pps: 0, ba_pps: 0 };
      for (const key of ["ab", "ba", "ab_pps", "ba_pps"]) before[key] += link[key] / frames.length;
      before.down = link.up === false;
      found.set(name, before);
    }
  }
  return found;
}

function draw(topology, narrow) {
  const shown = visible(topology, narrow ? 0 : CONTAINERS);
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "TB", ranksep: 58, nodesep: 24, marginx: 56, marginy: 10 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const node of shown.nodes) {
    const [width, height] = SIZES[node.kind];
    graph.setNode(node.name, { width, height });
  }
  const tiers = tiersOf(shown);
  const links = shown.links.map(({ a, b }) => (tiers.get(a) >= tiers.get(b) ? [a, b] : [b, a])); // downwards
  for (const [a, b] of links) graph.setEdge(a, b, {});
  dagre.layout(graph, { disableOptimalOrderHeuristic: true }); // in the order of the spec
  const { width, height } = graph.graph();
  const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "topology", "aria-label": `Topology ${topology.name}: ${describe(topology)}` });
  picture.style.maxWidth = `${Math.max(width * 1.25, 240)}px`;
  picture.style.minWidth = `${Math.min(width * 0.6, 840)}px`; // else it could not be read
  const edges = new Map();
  for (const [a, b] of links) edges.set(nameOf(a, b), drawEdge(picture, graph, a, b));
  const nodes = new Map();
  for (const node of shown.nodes) nodes.set(node.name, drawNode(picture, graph.node(node.name), node));
  return { picture, edges, nodes };
}

// Containers 0, machines 1, switches by their distance from machines: a spine is above its leaves.
function tiersOf({ nodes, links }) {
  const tiers = new Map(nodes.filter(({ kind }) => kind !== "switch").map(({ name, kind }) => [name, kind === "machine" ? 1 : 0]));
  let frontier = nodes.filter(({ kind }) => kind === "machine").map(({ name }) => name);
  while (frontier.length > 0) {
    const next = [];
    for (const { a, b } of links) {
      for (const [from, to] of [[a, b], [b, a]]) {
        if (frontier.includes(from) && !tiers.has(to)) {
          tiers.set(to, tiers.get(from) + 1);
          next.push(to);
        }
      }
    }
    frontier = next;
  }
  return tiers;
}

function visible(topology, most) {
  const all = topology.nodes.filter((node) => node.kind === "container");
  if (all.length <= most) return topology;
  const nodes = topology.nodes.filter((node) => node.kind !== "container");
  const names = new Set(nodes.map((node) => node.name));
  const counted = nodes.map((node) => ({ ...node, inside: all.filter((one) => one.machine === node.name).length }));
  return { nodes: counted, links: topology.links.filter(({ a, b }) => names.has(a) && names.has(b)) };
}

function describe({ nodes }) {
  const of = (kind) => nodes.filter((node) => node.kind === kind).length;
  return `${of("switch")} switches, ${of("machine")} machines, ${of("container")} containers`;
}

function drawNode(picture, place, node) {
  const [w, h_] = SIZES[node.kind];
  const group = svg("g", { class: `node ${node.kind}`, "data-tenant": node.tenant ?? "", transform: `translate(${place.x},${place.y})` });
  group.append(svg("rect", { x: -w / 2, y: -h_ / 2, width: w, height: h_, rx: node.kind === "switch" ? 4 : 9 }));
  const label = svg("text", { y: node.inside ? -2 : 4 });
  label.textContent = node.name;
  group.append(label);
  if (node.inside) {
    const more = svg("text", { y: 12, class: "more" });
    more.textContent = `${node.inside} containers`;
    group.append(more);
  }
  picture.append(group);
  return { group, label, name: node.name };
}

// The line, and a label for each direction near the end that sends, on the side where there is room.
function drawEdge(picture, graph, a, b) {
  const { points } = graph.edge(a, b);
  const [first, last] = [points[0], points.at(-1)];
  const side = last.x < first.x - 1 ? "left" : "right";
  const aside = side === "left" ? -9 : 9;
  const line = svg("polyline", { points: points.map(({ x, y }) => `${x},${y}`).join(" "), class: "link" });
  const label = (from, to, share, lift) => svg("text", {
    class: `rate ${side}`,
    x: from.x + (to.x - from.x) * share + aside,
    y: from.y + (to.y - from.y) * share + 4 - lift,
  });
  const steep = Math.abs(points[1].x - first.x) < 12;
  const down = label(first, points[1], 0.5, steep ? 0 : 9);
  const up = label(points.at(-2), last, 0.55, 0);
  picture.append(line, down, up);
  return { a, b, line, down, up };
}

function showFailed({ nodes }, failed) {
  for (const { group, label, name } of nodes.values()) {
    const is = failed.includes(name);
    group.classList.toggle("failed", is);
    text(label, is ? `✕ ${name}` : name);
  }
}

function showRates({ edges }, links) {
  for (const [name, edge] of edges) {
    const link = links.get(name);
    const [ab, ba] = !link ? [0, 0] : link.a === edge.a ? [link.ab, link.ba] : [link.ba, link.ab];
    text(edge.down, ab >= 500 ? `↓ ${si(ab, "bit/s")}` : "");
    text(edge.up, ba >= 500 ? `↑ ${si(ba, "bit/s")}` : "");
    const most = Math.max(ab, ba);
    const width = most < 500 ? 0 : Math.max(1, Math.ceil((LANES * Math.log10(most / 500)) / Math.log10(FULL / 500)));
    edge.line.setAttribute("class", `link width-${Math.min(LANES, width)}${link?.down ? " down" : ""}`);
  }
}
