// Groups of bars with patterns, whiskers, and a line across each bar for the value that was expected.

import { colour, fill } from "./theme.js";

const finite = (value) => value !== null && value !== undefined;

// From nothing (or below) to a little above the highest value, whisker or expected value.
export function rangeOfBars(series, log) {
  const all = series.flatMap((one) => [...one.y, ...(one.low ?? []), ...(one.high ?? []), ...(one.expected ?? [])]);
  const values = all.filter(finite);
  const high = Math.max(0, ...values);
  const low = Math.min(0, ...values);
  if (log) {
    return [Math.min(...values.filter((value) => value > 0)) / 2, high * 2];
  }
  const room = 0.06 * (high - low || 1);
  return [low < 0 ? low - room : 0, high > 0 || low === 0 ? high + room : 0];
}

const WIDEST = 72; // px of a bar

export const bars = {
  draw(u, series, styles, shown) {
    const visible = series.map((_, place) => place).filter((place) => shown[place]);
    const group = Math.abs(u.valToPos(1, "x", true) - u.valToPos(0, "x", true));
    const width = Math.min((0.82 * group) / Math.max(1, visible.length), WIDEST * devicePixelRatio);
    const zero = u.valToPos(Math.max(0, u.scales.y.min), "y", true);
    const context = u.ctx;
    context.save();
    context.beginPath();
    context.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    context.clip();
    visible.forEach((place, order) => {
      const one = series[place];
      const painted = fill(context, styles[place], devicePixelRatio);
      one.y.forEach((value, index) => {
        if (!finite(value)) {
          return;
        }
        const left = u.valToPos(index, "x", true) + (order - visible.length / 2) * width;
        const top = u.valToPos(value, "y", true);
        const gap = Math.min(2, 0.1 * width);
        context.fillStyle = painted;
        context.strokeStyle = colour("ink");
        context.lineWidth = devicePixelRatio * 0.8;
        context.fillRect(left + gap / 2, Math.min(top, zero), width - gap, Math.abs(zero - top));
        context.strokeRect(left + gap / 2, Math.min(top, zero), width - gap, Math.abs(zero - top));
        whisker(u, context, left + width / 2, one.low?.[index], one.high?.[index], width / 4);
        across(u, context, left, width, one.expected?.[index]);
      });
    });
    context.beginPath();
    context.strokeStyle = colour("ink");
    context.moveTo(u.bbox.left, zero);
    context.lineTo(u.bbox.left + u.bbox.width, zero);
    context.stroke();
    context.restore();
  },

  swatch(context, style, width, height) {
    context.fillStyle = fill(context, style, 1.6);
    context.fillRect(1, 1, width - 2, height - 2);
    context.strokeStyle = colour("ink");
    context.strokeRect(1, 1, width - 2, height - 2);
  },
};

// The ranges of a line chart's points.
export function whiskers(u, series, styles, shown) {
  series.forEach((one, place) => {
    if (shown[place] && one.low) {
      u.ctx.save();
      one.y.forEach((_, index) => {
        const x = u.valToPos(u.data[0][index], "x", true);
        whisker(u, u.ctx, x, one.low[index], one.high[index], 4 * devicePixelRatio, styles[place].colour);
      });
      u.ctx.restore();
    }
  });
}

function whisker(u, context, x, low, high, half, stroke = colour("ink")) {
  if (!finite(low) || !finite(high) || low === high) {
    return;
  }
  const [bottom, top] = [u.valToPos(low, "y", true), u.valToPos(high, "y", true)];
  context.strokeStyle = stroke;
  context.lineWidth = devicePixelRatio;
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(x, bottom);
  context.lineTo(x, top);
  for (const y of [bottom, top]) {
    context.moveTo(x - half, y);
    context.lineTo(x + half, y);
  }
  context.stroke();
}

// In the page's colour with the ink's around it, so that it is seen on any bar.
function across(u, context, left, width, value) {
  if (!finite(value)) {
    return;
  }
  const y = u.valToPos(value, "y", true);
  for (const [stroke, thickness] of [[colour("ink"), 4], [colour("page"), 1.5]]) {
    context.strokeStyle = stroke;
    context.lineWidth = thickness * devicePixelRatio;
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(left + width, y);
    context.stroke();
  }
}
