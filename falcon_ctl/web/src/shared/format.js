// Numbers as a reader takes them in: three digits and a unit.

const SI = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

// 1234567 → "1.23 M"; the unit follows.
export function si(value, unit = "") {
  for (const [size, prefix] of SI) {
    if (Math.abs(value) >= size) {
      return `${three(value / size)} ${prefix}${unit}`;
    }
  }
  return `${three(value)}${unit ? ` ${unit}` : ""}`;
}

export function three(value) {
  const size = Math.abs(value);
  if (size >= 100 || Number.isInteger(value)) {
    return Math.round(value).toLocaleString("en");
  }
  return value.toFixed(size >= 10 ? 1 : 2);
}

export function count(value) {
  return Math.round(value).toLocaleString("en");
}

// 0 to 1 → "42 %".
export function percent(share) {
  const value = share * 100;
  return `${value > 0 && value < 1 ? "<1" : Math.round(value)} %`;
}

// Nanoseconds → "12.3 µs".
export function duration(ns) {
  if (ns >= 1e9) return `${three(ns / 1e9)} s`;
  if (ns >= 1e6) return `${three(ns / 1e6)} ms`;
  if (ns >= 1e3) return `${three(ns / 1e3)} µs`;
  return `${Math.round(ns)} ns`;
}

// Wall ms → "17:03:21".
export function clock(ms) {
  return new Date(ms).toLocaleTimeString("en-GB");
}

// Seconds → "2:05".
export function minutes(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function bytes(size) {
  if (size >= 1 << 20) return `${three(size / (1 << 20))} MiB`;
  if (size >= 1 << 10) return `${three(size / (1 << 10))} KiB`;
  return `${size} bytes`;
}
