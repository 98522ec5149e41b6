// What a host did in the last second or so, since the present system runs.

const FRAMES = 5;

// The host in the last frames, the newest last.
export function recent(state, name, most = FRAMES) {
  const since = state.choices.at(-1)?.[0] ?? 0;
  const frames = state.frames.slice(-most).filter((frame) => frame.at >= since);
  return frames.map((frame) => frame.hosts[name]).filter(Boolean);
}

export function sum(items, value) {
  return items.reduce((all, item) => all + value(item), 0);
}
