// Histogram of latencies since the present system runs, at most of the last ten seconds.

import uPlot from "uplot";
import { count, duration } from "../../shared/format.js";
import { $, text } from "../../shared/dom.js";
import { countsOf, quantile } from "./figures.js";
import { axis, colours, fill, sizeOf } from "./plot.js";
import { recent } from "./recent.js";

const FRAMES = 50;
const PER_OCTAVE = 4; // buckets for each doubling

export function makeLatency() {
  const box = $("latency");
  let chart = null;
  let buckets = [];

  function make() {
    chart?.destroy();
    const colour = colours(box);
    chart = new uPlot(
      {
        ...sizeOf(box),
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false, range: (_, low, high) => [low - 0.5, high + 0.5] }, y: { range: (_, low, high) => [0, Math.max(1, high * 1.05)] } },
        axes: [
          { ...axis(colour), space: 60, size: 28, splits: () => ticksOf(buckets), values: (_, ticks) => ticks.map((i) => duration(buckets[i]?.[0] ?? 0)) },
          { ...axis(colour), size: 50, values: (_, ticks) => ticks.map((tick) => count(tick)) },
        ],
        series: [{}, { stroke: colour("--good"), fill: `${colour("--good")}b0`, width: 0, paths: uPlot.paths.bars({ size: [0.92] }), points: { show: false } }],
      },
      [[0], [0]],
      box,
    );
  }
  fill(box, () => chart);

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
      const frames = recent(state, host, FRAMES);
      buckets = bucketsOf(frames);
      const found = quantile(countsOf(frames), [0.5, 0.99, 0.999]);
      const words = found ? `p50 ${duration(found[0])}, p99 ${duration(found[1])}, p99.9 ${duration(found[2])}` : "no packets";
      text($("latency-text"), words);
      box.setAttribute("aria-label", `Histogram of latencies: ${words}`);
      show();
    },
  };
}

// [[upper bound, packets], …] from the first bucket with any to the last one, of equal width on a
// logarithmic scale.
function bucketsOf(frames) {
  const counts = new Map();
  for (const one of frames) {
    for (const [upper, number] of one.latency) {
      const at = Math.ceil(Math.log2(Math.max(1, upper)) * PER_OCTAVE - 1e-9);
      counts.set(at, (counts.get(at) ?? 0) + number);
    }
  }
  if (counts.size === 0) return [];
  const first = Math.min(...counts.keys());
  const size = Math.max(...counts.keys()) - first + 1;
  return Array.from({ length: size }, (_, i) => [2 ** ((first + i) / PER_OCTAVE), counts.get(first + i) ?? 0]);
}

function ticksOf(buckets) {
  const step = Math.max(1, Math.ceil(buckets.length / 6));
  return buckets.map((_, i) => i).filter((i) => i % step === 0);
}
