// Colours from the style sheet, which knows light, dark and print; and beside them patterns, dashes
// and marks, so that series can be told apart in black and white.

const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 5], [14, 4], [3, 8], [8, 3, 2, 3, 2, 3]];
const PATTERNS = ["full", "up", "dots", "across", "down", "grid", "empty", "upright"];
export const PRINTED = 680; // px, on A4 and letter

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function ofSeries(place) {
  return {
    colour: colour(`series-${place % 8}`),
    dash: DASHES[place % DASHES.length],
    pattern: PATTERNS[place % PATTERNS.length],
    again: Math.floor(place / PATTERNS.length), // so often these were used for others before
  };
}

export const isPrinted = () => "print" in document.documentElement.dataset;

// A canvas pattern of a series' colour, with lines or dots of the page's own.
export function fill(context, style, ratio) {
  if (style.pattern === "full" && style.again === 0) {
    return style.colour;
  }
  const size = Math.round(8 * (1 + style.again) * ratio);
  const tile = new OffscreenCanvas(size, size);
  const draw = tile.getContext("2d");
  draw.fillStyle = style.pattern === "empty" ? colour("page") : style.colour;
  draw.fillRect(0, 0, size, size);
  draw.strokeStyle = draw.fillStyle = style.pattern === "empty" ? style.colour : colour("page");
  draw.lineWidth = 1.4 * ratio;
  strokes(draw, style.pattern, size);
  if (style.again > 0 && ["full", "empty"].includes(style.pattern)) {
    draw.fillStyle = style.pattern === "full" ? colour("page") : style.colour;
    draw.fillRect(0, 0, size / 2, size / 2);
    if (style.pattern === "full") draw.fillRect(size / 2, size / 2, size / 2, size / 2);
  }
  return context.createPattern(tile, "repeat");
}

function strokes(draw, pattern, size) {
  const line = (x1, y1, x2, y2) => {
    draw.beginPath();
    draw.moveTo(x1, y1);
    draw.lineTo(x2, y2);
    draw.stroke();
  };
  const half = size / 2;
  if (pattern === "up") {
    for (const shift of [-size, 0, size]) line(shift, size, shift + size, 0);
  } else if (pattern === "down") {
    for (const shift of [-size, 0, size]) line(shift, 0, shift + size, size);
  } else if (pattern === "across" || pattern === "grid") {
    line(0, half, size, half);
  }
  if (pattern === "upright" || pattern === "grid") {
    line(half, 0, half, size);
  }
  if (pattern === "dots") {
    draw.beginPath();
    draw.arc(half, half, size / 5, 0, 2 * Math.PI);
    draw.fill();
  }
}

// Calls `changed` when colours do: the system's dark mode, and around printing, which is in light.
export function watch(changed) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.print = "";
    changed();
  });
  addEventListener("afterprint", () => {
    delete document.documentElement.dataset.print;
    changed();
  });
}
