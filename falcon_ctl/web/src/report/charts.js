// Charts of the page: uPlot draws axes and lines, bars.js what uPlot has no form for.

import uPlot from "uplot";
import { bars, rangeOfBars, whiskers } from "./bars.js";
import { element, number } from "./dom.js";
import { marks } from "./marks.js";
import { PRINTED, colour, isPrinted, ofSeries, watch } from "./theme.js";

const HEIGHT = 280;

export function showCharts(documents) {
  const charts = [...document.querySelectorAll("[data-chart]")].map(
    (figure) => new Chart(figure, documents[Number(figure.dataset.chart)]),
  );
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      seen.unobserve(entry.target);
      charts.find((chart) => chart.figure === entry.target).draw();
    }
  }, { rootMargin: "600px" });
  for (const chart of charts) {
    seen.observe(chart.figure);
  }
  const resized = new ResizeObserver(() => charts.forEach((chart) => chart.fit()));
  resized.observe(document.body);
  watch(() => charts.forEach((chart) => chart.draw()));
}

class Chart {
  constructor(figure, spec) {
    this.figure = figure;
    this.spec = spec;
    this.place = figure.querySelector(".plot");
    this.shown = spec.series.map(() => true);
    this.plot = null;
    this.at = null;
    this.#prepare();
  }

  // The legend, whose buttons hide series, the plot's place, and the line that reads values out.
  #prepare() {
    const title = this.figure.querySelector("h3").textContent;
    this.place.hidden = false;
    this.keys = this.spec.series.map((series, place) => this.#key(series, place));
    this.values = element("p", { class: "values", "aria-live": "polite" });
    this.canvas = element("div", {
      class: "canvas", tabindex: 0, role: "group",
      "aria-label": `${title}: the left and right arrow keys go through its values`,
    });
    this.place.append(element("ul", { class: "legend" }, ...this.keys), this.canvas, this.values);
    this.canvas.addEventListener("keydown", (event) => this.#pressed(event));
    this.place.style.setProperty("min-height", `${HEIGHT}px`);
  }

  #key(series, place) {
    const swatch = element("canvas", { class: "swatch", width: this.spec.form === "bars" ? 44 : 68, height: 28, "aria-hidden": true });
    const button = element("button", { type: "button", "aria-pressed": true }, swatch, series.label);
    button.addEventListener("click", () => {
      this.shown[place] = !this.shown[place];
      button.setAttribute("aria-pressed", this.shown[place]);
      this.draw();
    });
    return element("li", {}, button);
  }

  get #width() {
    if (isPrinted()) {
      return PRINTED;
    }
    const { form, x, series } = this.spec;
    const least = form === "bars" ? 70 + x.length * (8 * series.length + 6) : 260;
    return Math.max(least, this.place.clientWidth);
  }

  fit() {
    const width = this.#width;
    if (this.plot && this.plot.width !== width && width > 0) {
      this.draw();
    }
  }

  draw() {
    this.plot?.destroy();
    this.canvas.replaceChildren();
    const styles = this.spec.series.map((one, place) => ofSeries(one.style ?? place));
    this.keys.forEach((key, place) => this.#swatch(key.querySelector("canvas"), styles[place]));
    const options = this.spec.form === "bars" ? this.#bars(styles) : this.#lines(styles);
    const numbers = this.spec.form === "bars" ? this.spec.x.map((_, place) => place) : this.spec.x;
    const ys = this.spec.series.map((one, place) => (this.shown[place] ? one.y : one.y.map(() => null)));
    this.plot = new uPlot({ ...this.#common(), ...options }, [numbers, ...ys], this.canvas);
    this.plot.root.querySelector("canvas").setAttribute("aria-hidden", "true");
  }

  #swatch(canvas, style) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (this.spec.form === "bars") {
      bars.swatch(context, style, canvas.width, canvas.height);
      return;
    }
    context.strokeStyle = style.colour;
    context.lineWidth = 4;
    context.setLineDash(style.dash.map((part) => 2 * part));
    context.beginPath();
    context.moveTo(0, canvas.height / 2);
    context.lineTo(canvas.width, canvas.height / 2);
    context.stroke();
    marks.one(context, style, canvas.width - 10, canvas.height / 2, 2);
  }

  #common() {
    return {
      width: this.#width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { drag: { x: this.spec.form !== "bars", y: false }, points: { show: this.spec.form !== "bars" } },
      hooks: { setCursor: [(u) => this.#read(u.cursor.idx)] },
    };
  }

  #axis(label, more = {}) {
    const ink = colour("ink");
    const line = { stroke: colour("line"), width: 1 };
    const font = "12px system-ui, sans-serif";
    return { label, stroke: ink, grid: line, ticks: line, font, labelFont: font, labelSize: 22, ...more };
  }

  #bars(styles) {
    const { x, series, log, yLabel } = this.spec;
    const room = (this.#width - 70) / x.length;
    const wrapped = x.map((name) => wrap(name, room / 6.8));
    const turned = wrapped.some((name) => Math.max(...name.split("\n").map((line) => line.length)) * 6.8 > room);
    const longest = Math.min(150, Math.max(...x.map((name) => name.length)) * 6.2 * 0.8);
    const lines = Math.max(...wrapped.map((name) => name.split("\n").length));
    const names = turned ? { rotate: 55, size: longest + 20 } : { size: 18 + 16 * lines };
    const visible = () => series.filter((_, place) => this.shown[place]);
    return {
      scales: {
        x: { time: false, range: [-0.5, x.length - 0.5] },
        y: { distr: log ? 3 : 1, range: () => rangeOfBars(visible(), log) },
      },
      axes: [
        this.#axis(null, {
          ...names, grid: { show: false }, splits: () => x.map((_, place) => place),
          values: () => (turned ? x.map(short) : wrapped),
        }),
        this.#axis(yLabel, { size: 62, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : compact(tick))) }),
      ],
      series: [{}, ...series.map((one) => ({ label: one.label, paths: () => null, points: { show: false } }))],
      hooks: {
        setCursor: [(u) => this.#read(u.cursor.idx)],
        draw: [(u) => bars.draw(u, series, styles, this.shown)],
      },
    };
  }

  #lines(styles) {
    const { series, log, xLog, xLabel, yLabel } = this.spec;
    const percentiles = xLabel === "percentile";
    const tail = {
      time: false, distr: 100,
      fwd: (percent) => -Math.log10(1 - Math.min(percent, 99.99) / 100),
      inv: (value) => 100 * (1 - 10 ** -value),
    };
    const x = percentiles ? tail : { time: false, distr: xLog ? 3 : 1 };
    const splits = percentiles ? { splits: () => [0, 50, 90, 99, 99.9], filter: (_, ticks) => ticks, values: (_, ticks) => ticks.map((p) => `${p}%`) } : {};
    const few = this.spec.x.length <= 16;
    const measured = few && !percentiles ? { splits: () => this.spec.x, filter: (_, ticks) => ticks } : {};
    return {
      scales: { x, y: { distr: log ? 3 : 1, ...(log ? {} : { range: (_, low, high) => [Math.min(0, low), high * 1.05 || 1] }) } },
      axes: [
        this.#axis(xLabel, { ...splits, ...measured, ...(percentiles ? {} : { values: (_, ticks) => ticks.map(compact) }) }),
        this.#axis(yLabel, { size: 62, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : compact(tick))) }),
      ],
      series: [{}, ...series.map((one, place) => ({
        label: one.label, stroke: styles[place].colour, dash: styles[place].dash, width: 2,
        spanGaps: true, points: { show: few && styles[place].again === 0, size: 6, fill: styles[place].colour },
      }))],
      hooks: {
        setCursor: [(u) => this.#read(u.cursor.idx)],
        draw: [(u) => whiskers(u, series, styles, this.shown), (u) => marks.draw(u, series, styles, this.shown)],
      },
    };
  }

  #pressed(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined || !this.plot) {
      return;
    }
    event.preventDefault();
    const last = this.spec.x.length - 1;
    const at = this.at === null ? (step < 0 ? last : 0) : this.at + step;
    const index = Math.min(last, Math.max(0, at));
    const left = this.plot.valToPos(this.plot.data[0][index], "x");
    this.plot.setCursor({ left, top: 10 });
    this.#read(index);
  }

  #read(index) {
    if (index === null || index === undefined) {
      return;
    }
    this.at = index;
    const { x, xLabel, series } = this.spec;
    const where = typeof x[index] === "string" ? x[index] : `${xLabel} ${number(x[index])}`;
    const values = series
      .filter((one, place) => this.shown[place] && one.y[index] !== null)
      .map((one) => {
        const expected = one.expected?.[index];
        const beside = expected === undefined || expected === null ? "" : ` (${one.expectedLabel} ${number(expected)})`;
        return `${one.label} ${number(one.y[index])}${beside}`;
      });
    this.values.textContent = `${where}: ${values.join(", ")}`;
  }
}

// Such as 1.5M and 250k on an axis.
const compact = (value) =>
  (Math.abs(value) < 10000 ? number(value) : value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 4 }).replace("K", "k"));

// Lines of at most so many characters, where words allow it.
function wrap(name, most) {
  const lines = [];
  for (const word of name.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(word);
    }
  }
  return lines.join("\n");
}
const short = (name) => (name.length > 26 ? `${name.slice(0, 25)}…` : name);
