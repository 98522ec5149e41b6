// What the page knows: the sum of all messages since the last snapshot. No document, no network.

const SLICES = 6000; // that are kept of each host
const FRAMES = 900;
const EVENTS = 500;

export function empty() {
  return {
    version: 0,
    network: null,
    choice: null,
    frames: [],
    events: [],
    flows: new Map(),
    gaps: new Map(), // host → [[from, to], …]: times of which the slices are not known
    slices: new Map(), // host → [[cpu, kind, device, flow, packet, start, end], …] by start
    choices: [], // [wall ms, title] of each time another system began to run
    mode: { replay: null, recording: null, recordings: [], viewers: 0 },
    modeAt: 0, // performance.now() when it came, for the position of a replay
  };
}

export function apply(state, message, now) {
  switch (message.type) {
    case "snapshot":
      return fromSnapshot(message, now);
    case "network":
      state.network = { ...state.network, ...message };
      break;
    case "choice":
      setChoice(state, message.choice);
      break;
    case "frame":
      addFrame(state, message);
      break;
    case "event":
      state.events.push(message);
      if (state.events.length > EVENTS) state.events.shift();
      break;
    case "flow":
      state.flows.set(message.flow.id, message.flow);
      break;
    case "mode":
      state.mode = message;
      state.modeAt = now;
      break;
    default: // of a later version
  }
  return state;
}

function fromSnapshot(message, now) {
  const state = empty();
  state.version = message.version;
  state.network = message.network;
  state.choice = message.choice?.choice ?? null;
  message.frames.forEach((frame) => addFrame(state, frame));
  state.events = message.events.slice();
  message.flows.forEach((one) => state.flows.set(one.flow.id, one.flow));
  state.mode = message.mode;
  state.modeAt = now;
  return state;
}

function setChoice(state, choice) {
  state.choice = choice;
}

function addFrame(state, frame) {
  const last = state.choices.at(-1);
  if (frame.title && frame.title !== last?.[1]) {
    state.choices.push([frame.at, frame.title]);
  }
  state.frames.push(frame);
  if (state.frames.length > FRAMES) {
    state.frames.shift();
    while (state.choices.length > 1 && state.choices[1][0] <= state.frames[0].at) state.choices.shift();
  }
  for (const [name, host] of Object.entries(frame.hosts)) {
    if (!host.slices?.length) continue;
    const kept = state.slices.get(name) ?? [];
    const clock = kept.at(-1)?.[5] ?? 0;
    const fresh = host.slices[0][5] < clock - 1e9 ? [] : kept; // the host's clock began anew
    if (host.missed) addGap(state, name, fresh, host.slices);
    fresh.push(...host.slices);
    state.slices.set(name, fresh.length > SLICES ? fresh.slice(-SLICES) : fresh);
  }
}

function addGap(state, name, before, after) {
  const from = before.slice(-50).reduce((end, one) => Math.max(end, one[6]), 0);
  const to = after.reduce((start, one) => Math.min(start, one[5]), Infinity);
  const kept = (state.gaps.get(name) ?? []).slice(-50);
  if (from > 0 && to > from) state.gaps.set(name, [...kept, [from, to]]);
}

// The host with the most delivered lately: what "automatic" shows.
export function busiestHost(state) {
  const sums = new Map();
  for (const frame of state.frames.slice(-25)) {
    for (const [name, host] of Object.entries(frame.hosts)) {
      sums.set(name, (sums.get(name) ?? 0) + host.delivered + host.lost);
    }
  }
  let best = null;
  for (const [name, sum] of [...sums].sort()) {
    if (best === null || sum >= sums.get(best)) best = name; // of equals the last: it receives
  }
  return best;
}

export function position(state, now) {
  const { replay } = state.mode;
  if (!replay) return 0;
  const passed = replay.playing ? ((now - state.modeAt) / 1000) * replay.speed : 0;
  return Math.min(replay.position + passed, replay.duration);
}
