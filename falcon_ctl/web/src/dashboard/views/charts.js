// Charts over time: delivered and lost packets, packets in queues.

import uPlot from "uplot";
import { clock, si } from "../../shared/format.js";
import { $, h, text } from "../../shared/dom.js";
import { axis, colours, fill, sizeOf } from "./plot.js";

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

function swatch(colour) {
  const found = h("i", { class: "swatch" });
  found.style.background = `var(${colour})`;
  return found;
}

function sum(values) {
  return values.reduce((all, value) => all + value, 0);
}

function overTime(box, { unit, series }) {
  const legend = h("p", { class: "chart-legend", "aria-hidden": "true" });
  const values = series.map((one) => {
    const value = h("strong");
    legend.append(h("span", {}, swatch(one.colour), `${one.label} `, value));
    return value;
  });
  box.before(legend);
  let chart = null;
  let shown = null;

  function make() {
    chart?.destroy();
    const colour = colours(box);
    chart = new uPlot(
      {
        ...sizeOf(box),
        padding: [18, 24, 0, 0], // above: names of systems
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: true }, y: { range: (_, low, high) => [0, Math.max(high * 1.05, 1)] } },
        axes: [
          { ...axis(colour), space: 70, size: 28, values: (_, ticks) => ticks.map((tick) => clock(tick * 1000)) },
          { ...axis(colour), size: 58, values: (_, ticks) => ticks.map((tick) => si(tick)) },
        ],
        series: [
          {},
          ...series.map((one) => ({
            stroke: colour(one.colour),
            width: 2,
            fill: one.fill ? `${colour(one.colour)}26` : undefined,
            points: { show: false },
          })),
        ],
        hooks: {
          draw: [(plot) => drawChoices(plot, shown, colour)],
          setCursor: [(plot) => showValues(plot.data, plot.cursor.idx)],
        },
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

  // Under the pointer, else now.
  function showValues(found, at) {
    values.forEach((value, i) => text(value, si(found[i + 1].at(at ?? -1) ?? 0, unit)));
  }

  fill(box, () => chart);
  return {
    recolour() {
      if (chart) make();
    },
    update(now) {
      shown = now;
      if (!chart) make();
      const found = data();
      chart.setData(found);
      showValues(found, chart.cursor.idx);
      const words = series.map((one, i) => `${one.label} ${si(found[i + 1].at(-1) ?? 0, unit)}`);
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
  pen.textBaseline = "bottom";
  pen.textAlign = "left";
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
      const left = Math.min(x, bbox.left + bbox.width - width);
      pen.fillText(title, left, bbox.top - 3 * ratio);
      free = left + width + 8 * ratio;
    }
  }
  pen.restore();
}
