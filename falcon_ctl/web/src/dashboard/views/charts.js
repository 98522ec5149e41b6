// Charts over time: delivered and lost packets, packets in queues.

import uPlot from "uplot";
import { si } from "../../shared/format.js";
import { $ } from "../../shared/dom.js";

const HEIGHT = 190;

export function makeRate() {
  return overTime($("rate"), {
    unit: "pps",
    series: [
      { label: "delivered", colour: "--good", fill: true, value: (host) => host.pps },
      { label: "lost", colour: "--bad", value: (host) => host.lost_pps },
    ],
  });
}

export function makeQueues() {
  return overTime($("queues"), {
    unit: "",
    series: [
      { label: "NIC", colour: "--napi", value: (host) => sum(host.nic) },
      { label: "backlogs", colour: "--backlog-line", value: (host) => host.backlog },
      { label: "sockets", colour: "--socket-line", value: (host) => host.sockets },
    ],
  });
}

function sum(values) {
  return values.reduce((all, value) => all + value, 0);
}

function overTime(box, { unit, series }) {
  let chart = null;
  let shown = null;

  function make() {
    chart?.destroy();
    const style = getComputedStyle(box);
    const colour = (name) => style.getPropertyValue(name).trim();
    const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    chart = new uPlot(
      {
        width: Math.max(200, box.clientWidth),
        height: HEIGHT,
        legend: { live: true },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: true }, y: { range: (_, low, high) => [0, Math.max(high * 1.1, 1)] } },
        axes: [{ ...axis, space: 70, values: (_, ticks) => ticks.map((tick) => new Date(tick * 1000).toLocaleTimeString("en-GB")) }, { ...axis, size: 62, values: (_, ticks) => ticks.map((tick) => si(tick, "")) }],
        series: [
          { label: "time", value: (_, x) => (x ? new Date(x * 1000).toLocaleTimeString("en-GB") : "–") },
          ...series.map((one) => ({
            label: one.label,
            stroke: colour(one.colour),
            width: 2,
            fill: one.fill ? `${colour(one.colour)}26` : undefined,
            points: { show: false },
            value: (_, value) => (value === null || value === undefined ? "–" : si(value, unit)),
          })),
        ],
        hooks: { draw: [(plot) => drawChoices(plot, shown, colour)] },
      },
      data(),
      box,
    );
  }

  function data() {
    const frames = shown ? shown.state.frames.filter((frame) => frame.hosts[shown.host]) : [];
    return [
      frames.map((frame) => frame.at / 1000),
      ...series.map((one) => frames.map((frame) => one.value(frame.hosts[shown.host]))),
    ];
  }

  new ResizeObserver(() => chart && chart.setSize({ width: Math.max(200, box.clientWidth), height: HEIGHT })).observe(box);
  return {
    recolour() {
      if (chart) make();
    },
    update(now) {
      shown = now;
      if (!chart) make();
      const values = data();
      chart.setData(values);
      const words = series.map((one, i) => `${one.label} ${si(values[i + 1].at(-1) ?? 0, unit)}`);
      box.setAttribute("aria-label", `Chart over the last minutes. Now: ${words.join(", ")}`);
    },
  };
}

// A line where another system began to run, with its name.
function drawChoices(plot, shown, colour) {
  if (!shown) return;
  const { ctx: pen, bbox } = plot;
  const ratio = devicePixelRatio || 1;
  pen.save();
  pen.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  pen.fillStyle = colour("--ink");
  pen.strokeStyle = colour("--quiet");
  pen.setLineDash([4 * ratio, 3 * ratio]);
  pen.textBaseline = "top";
  let free = -Infinity;
  for (const [at, title] of [...shown.state.choices]) {
    const x = Math.max(bbox.left, plot.valToPos(at / 1000, "x", true));
    if (x > bbox.left + bbox.width) continue;
    pen.beginPath();
    pen.moveTo(x, bbox.top);
    pen.lineTo(x, bbox.top + bbox.height);
    pen.stroke();
    const width = pen.measureText(title).width;
    if (x >= free) {
      const left = Math.min(x + 4 * ratio, bbox.left + bbox.width - width);
      pen.fillText(title, left, bbox.top + 2);
      free = left + width + 8 * ratio;
    }
  }
  pen.restore();
}
