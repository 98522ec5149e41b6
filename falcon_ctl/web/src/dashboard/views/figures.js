// The figures at a glance, large enough for the last row of a lecture hall.

import { count, duration, percent, si } from "../../shared/format.js";
import { $, h, keyed, text } from "../../shared/dom.js";
import { recent, sum } from "./recent.js";

const IN_USE = 0.02; // load from which on a core counts as in use

export function makeFigures() {
  return {
    update({ state, host }) {
      keyed($("figures"), figuresOf(state, host), (one) => one.name, make, show);
    },
  };
}

function make(one) {
  return h("div", { class: "figure" }, h("dt", {}, one.name), h("dd", {}, h("strong"), h("span")));
}

function show(element, one) {
  text(element.querySelector("strong"), one.value);
  text(element.querySelector("span"), one.more);
  element.dataset.bad = String(Boolean(one.bad));
}

function figuresOf(state, name) {
  const frames = recent(state, name);
  const host = frames.at(-1);
  const loads = meanLoads(frames);
  const [busiest, load] = loads.reduce((best, one) => (one[1] > best[1] ? one : best), ["", 0]);
  const used = loads.filter(([, one]) => one >= IN_USE).length;
  const delivered = sum(frames, (one) => one.delivered);
  const lost = sum(frames, (one) => one.lost);
  const reordered = sum(frames, (one) => one.reordered);
  const span = sum(frames, (one) => one.span_ns) / 1e9;
  const quantiles = quantilesOf(frames);
  return [
    { name: "Delivered", value: si(span > 0 ? delivered / span : 0, "pps"), more: si(mean(frames, (one) => one.bps), "bit/s") },
    { name: "Busiest core", value: percent(load), more: busiest ? `CPU ${busiest}` : "", bad: load > 0.95 },
    { name: "Cores in use", value: count(used), more: host ? `of ${host.cores}` : "" },
    { name: "Latency p50", value: quantiles ? duration(quantiles[0]) : "–", more: quantiles ? `p99 ${duration(quantiles[1])}` : "" },
    { name: "Lost", value: percentOf(lost, lost + delivered), more: `${count(lost)} packets`, bad: lost > 0 },
    { name: "Reordered", value: percentOf(reordered, delivered), more: `${count(reordered)} packets`, bad: reordered > 0 },
  ];
}

// [[CPU, mean load], …]
function meanLoads(frames) {
  const loads = new Map();
  for (const frame of frames) {
    for (const [cpu, one] of Object.entries(frame.cpus)) {
      loads.set(cpu, (loads.get(cpu) ?? 0) + one.load / frames.length);
    }
  }
  return [...loads];
}

function percentOf(part, whole) {
  if (!whole || !part) return "0 %";
  const value = (100 * part) / whole;
  return value < 0.1 ? "<0.1 %" : `${value.toFixed(value < 10 ? 1 : 0)} %`;
}

function mean(frames, value) {
  return frames.length ? sum(frames, value) / frames.length : 0;
}

function quantilesOf(frames) {
  return quantile(countsOf(frames), [0.5, 0.99]);
}

// [[upper bound, packets], …] of all frames together, in order.
export function countsOf(frames) {
  const counts = new Map();
  for (const one of frames) {
    for (const [upper, number] of one.latency) counts.set(upper, (counts.get(upper) ?? 0) + number);
  }
  return [...counts].sort((a, b) => a[0] - b[0]);
}

// Upper bounds of the buckets that the shares fall into; null when there are no packets.
export function quantile(buckets, shares) {
  const all = sum(buckets, (one) => one[1]);
  if (!all) return null;
  return shares.map((share) => {
    let seen = 0;
    for (const [upper, number] of buckets) {
      seen += number;
      if (seen >= share * all) return upper;
    }
    return buckets.at(-1)[0];
  });
}
