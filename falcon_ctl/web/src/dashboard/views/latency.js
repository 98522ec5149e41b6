// Histogram of latencies since the present system runs, at most of the last ten seconds.

import uPlot from "uplot";
import { count, duration } from "../../shared/format.js";
import { $, text } from "../../shared/dom.js";
import { quantile } from "./figures.js";
import { recent } from "./recent.js";

const FRAMES = 50;
const HEIGHT = 170;

export function makeLatency() {
  const box = $("latency");
  let chart = null;
  let buckets = [];

  function make() {
    chart?.destroy();
    const style = getComputedStyle(box);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    chart = new uPlot(
      {
        width: Math.max(200, box.clientWidth),
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.05)] } },
        axes: [
          { ...axis, space: 60, splits: () => ticksOf(buckets), values: (_, ticks) => ticks.map((i) => duration(buckets[i]?.[0] ?? 0)) },
          { ...axis, size: 50, values: (_, ticks) => ticks.map((tick) => count(tick)) },
        ],
        series: [{}, { stroke: colour("--good"), fill: `${colour("--good")}b0`, width: 0, paths: uPlot.paths.bars({ size: [0.92] }), points: { show: false } }],
      },
      [[0], [0]],
      box,
    );
  }
  new ResizeObserver(() => chart && chart.setSize({ width: Math.max(200, box.clientWidth), height: HEIGHT })).observe(box);

  function show() {
    chart.setData([buckets.map((_, i) => i), buckets.map((one) => one[1])]);
  }

  return {
    recolour() {
      if (chart) {
        make();
        show();
      }
    },
    update({ state, host }) {
      if (!chart) make();
      buckets = bucketsOf(recent(state, host, FRAMES));
      const found = quantile(buckets, [0.5, 0.99, 0.999]);
      const words = found ? `p50 ${duration(found[0])}, p99 ${duration(found[1])}, p99.9 ${duration(found[2])}` : "no packets";
      text($("latency-text"), words);
      box.setAttribute("aria-label", `Histogram of latencies: ${words}`);
      show();
    },
  };
}

// [[upper bound, packets], …] from the first bucket with any to the last one.
function bucketsOf(frames) {
  const counts = new Map();
  for (const one of frames) {
    for (const [upper, number] of one.latency) counts.set(upper, (counts.get(upper) ?? 0) + number);
  }
  const all = [...counts].sort((a, b) => a[0] - b[0]);
  const first = all.findIndex((one) => one[1] > 0);
  const last = all.findLastIndex((one) => one[1] > 0);
  return first < 0 ? [] : all.slice(first, last + 1);
}

function ticksOf(buckets) {
  const step = Math.max(1, Math.ceil(buckets.length / 6));
  return buckets.map((_, i) => i).filter((i) => i % step === 0);
}
