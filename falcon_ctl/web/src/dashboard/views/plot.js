// What all charts have in common.

const LEAST = { width: 200, height: 150 };

// A function that gives a colour of style.css by its name.
export function colours(box) {
  const style = getComputedStyle(box);
  return (name) => style.getPropertyValue(name).trim();
}

export function axis(colour) {
  return {
    stroke: colour("--quiet"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
}

export function sizeOf(box) {
  return { width: Math.max(LEAST.width, box.clientWidth), height: Math.max(LEAST.height, box.clientHeight) };
}

// Keep the chart that `get` gives as large as its box.
export function fill(box, get) {
  new ResizeObserver(() => get()?.setSize(sizeOf(box))).observe(box);
}
