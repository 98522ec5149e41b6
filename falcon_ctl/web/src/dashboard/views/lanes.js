// Draws slices on a canvas, a lane for each CPU. Pixels only: what to draw is decided in cores.js.

import { duration } from "../../shared/format.js";
import { stageOf } from "../../shared/stages.js";

const AXIS = 22;
const INSET = 5;
const NUMBER_FROM = 14; // px of a slice that has its packet's number
const TITLE_FROM = 62; // px of a slice that has its stage's title, too
const [CPU, KIND, , FLOW, PACKET, START, END] = [0, 1, 2, 3, 4, 5, 6];

// Returns { at(x, y) }: the slice there, null when there is none.
export function drawLanes(canvas, { slices, gaps }, cpus, { start, end }, selected) {
  const width = canvas.parentElement.clientWidth;
  const style = getComputedStyle(canvas);
  const lane = Number.parseInt(style.getPropertyValue("--lane"), 10); // px
  const height = Math.max(1, cpus.length) * lane + AXIS;
  const pen = fit(canvas, width, height);
  const scale = width / Math.max(1, end - start);
  const rows = new Map(cpus.map((cpu, row) => [cpu, row]));
  drawGrid(pen, style, { lanes: cpus.length, lane }, width, { start, end }, scale);
  drawGaps(pen, style, gaps, cpus.length * lane, { start, end }, scale);
  const boxes = [];
  for (const slice of slices) {
    const row = rows.get(slice[CPU]);
    if (slice[END] <= start || slice[START] >= end || row === undefined) continue;
    const x = Math.max(0, (slice[START] - start) * scale);
    const right = Math.min(width, (slice[END] - start) * scale);
    boxes.push({ slice, x, y: row * lane + INSET, w: Math.max(1, right - x), h: lane - 2 * INSET });
  }
  drawBoxes(pen, boxes, selected);
  if (selected) drawPath(pen, style, boxes, selected);
  return {
    at(x, y) {
      const hit = boxes.find((box) => y >= box.y && y < box.y + box.h && x >= box.x - 1 && x <= box.x + box.w + 1);
      return hit?.slice ?? null;
    },
  };
}

function fit(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

function drawGrid(pen, style, { lanes, lane }, width, { start, end }, scale) {
  const bottom = lanes * lane;
  pen.strokeStyle = style.getPropertyValue("--line");
  pen.fillStyle = style.getPropertyValue("--quiet");
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  pen.beginPath();
  for (let number = 0; number <= lanes; number += 1) {
    const y = number * lane + 0.5;
    pen.moveTo(0, y);
    pen.lineTo(width, y);
  }
  const step = stepFor((end - start) / Math.max(2, Math.floor(width / 90)));
  for (let time = 0; time < end - start; time += step) {
    const x = Math.round(time * scale) + 0.5;
    pen.moveTo(x, 0);
    pen.lineTo(x, bottom);
  }
  pen.stroke();
  pen.textAlign = "left";
  for (let time = 0; time < end - start - step / 3; time += step) {
    pen.fillText(time ? duration(time) : "0", time * scale + 3, bottom + AXIS / 2);
  }
}

// Times of which nothing is known, so that they are not taken for idle ones.
function drawGaps(pen, style, gaps, height, { start, end }, scale) {
  for (const [from, to] of gaps) {
    if (to <= start || from >= end) continue;
    const x = Math.max(0, (from - start) * scale);
    const width = (Math.min(end, to) - start) * scale - x;
    pen.fillStyle = style.getPropertyValue("--line");
    pen.fillRect(x, 0, width, height);
    pen.fillStyle = style.getPropertyValue("--quiet");
    pen.textAlign = "center";
    if (width > 80) pen.fillText("not recorded", x + width / 2, height / 2);
  }
}

function stepFor(least) {
  const base = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((one) => one * base).find((one) => one >= least);
}

function drawBoxes(pen, boxes, selected) {
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  for (const { slice, x, y, w, h } of boxes) {
    const stage = stageOf(slice[KIND]);
    const isOurs = selected && slice[FLOW] === selected[0] && slice[PACKET] === selected[1];
    pen.globalAlpha = selected && !isOurs ? 0.28 : 1;
    pen.fillStyle = stage.colour;
    box(pen, x, y, w > 3 ? w - 1 : w, h);
    if (w >= NUMBER_FROM && slice[PACKET] >= 0) {
      pen.fillStyle = stage.ink;
      pen.font = `${isOurs ? "700" : "600"} 12px system-ui, sans-serif`;
      const number = String(slice[PACKET] % 100);
      const words = w >= TITLE_FROM ? `${stage.title} ${number}` : number;
      if (pen.measureText(words).width <= w - 2) pen.fillText(words, x + w / 2, y + h / 2 + 0.5);
    }
  }
  pen.globalAlpha = 1;
}

function box(pen, x, y, w, h) {
  if (w < 6) {
    pen.fillRect(x, y, w, h);
    return;
  }
  pen.beginPath();
  pen.roundRect(x, y, w, h, 3);
  pen.fill();
}

// The way of the selected packet, from slice to slice.
function drawPath(pen, style, boxes, selected) {
  const ours = boxes.filter(({ slice }) => slice[FLOW] === selected[0] && slice[PACKET] === selected[1]);
  pen.strokeStyle = style.getPropertyValue("--ink");
  pen.lineWidth = 1.5;
  for (const { x, y, w, h } of ours) {
    pen.strokeRect(x - 0.5, y - 0.5, w, h + 1);
  }
  for (let i = 1; i < ours.length; i += 1) {
    const [from, to] = [ours[i - 1], ours[i]];
    pen.beginPath();
    pen.moveTo(from.x + from.w, from.y + from.h / 2);
    pen.lineTo(to.x, to.y + to.h / 2);
    pen.stroke();
  }
}
